// Fetches what a case shows: grey values of X-rays, ranks and filmstrips, and the counterfactual's curve.

import { decode } from "./decoding.js";

const ahead = new Map(); // address -> promise of what the next case shows

// JSON as it is; of a picture its copies, the largest first, as { width, height, values } (see copies.js).
export function fetchSource(url) {
  const early = ahead.get(url);
  ahead.delete(url);
  return early ? early.catch(() => load(url)) : load(url);
}

// Fetches and decodes what the next case will show. What was fetched ahead for any other is let go.
export function fetchAhead(urls, priority = "low") {
  ahead.clear();
  for (const url of urls) {
    const early = load(url, { priority });
    early.catch(() => {}); // it is asked for again when it is needed
    ahead.set(url, early);
  }
}

async function load(url, options) {
  const response = await fetch(url, options);
  if (!response.ok || response.redirected) throw new Error(`${url}: ${response.status}`);
  if (url.endsWith(".json")) return response.json();
  return decode(await response.arrayBuffer(), url.endsWith(".gz"));
}
