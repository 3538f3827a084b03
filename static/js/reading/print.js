// Prints the page at the click of its button.

import { byId } from "../common/elements.js";

byId("print", HTMLElement).addEventListener("click", () => window.print());
