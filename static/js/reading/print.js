// Prints the page at the click of its button.

document.getElementById("print").addEventListener("click", () => window.print());
