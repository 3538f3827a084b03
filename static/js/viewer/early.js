// The first case of a sitting: its pictures are fetched and decoded while the rest of the page's scripts still arrive.

import { all } from "../common/elements.js";
import { fetchAhead } from "./sources.js";

fetchAhead(all(document, "[data-source]", HTMLElement).map(({ dataset }) => dataset.source ?? ""), "high");
