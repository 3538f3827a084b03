// Enter goes on, as on the rating page, wherever the focus is.

const link = document.getElementById("proceed");

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const actsItself = event.target.closest?.("a, button, summary, input");
  if (event.key === "Enter" && !actsItself) link.click();
});
