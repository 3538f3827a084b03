// The first case of a sitting: its pictures are fetched and decoded while the rest of the page's scripts still arrive.

import { fetchAhead } from "./sources.js";

fetchAhead([...document.querySelectorAll("[data-source]")].map(({ dataset }) => dataset.source), "high");
