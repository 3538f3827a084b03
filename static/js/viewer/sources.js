// Fetches what a case shows: grey values of X-rays, ranks and filmstrips, and the counterfactual's curve.

import { decode } from "./decoding.js";

/** @import { Picture } from "./copies.js" */

/**
 * What a counterfactual's prediction is along its lambdas, and how its filmstrip is laid out.
 * @typedef {object} CurveData
 * @property {number[]} lambdas of each frame
 * @property {number[]} predictions
 * @property {number} frames
 * @property {number} zero the frame of lambda 0
 * @property {number} frame_width
 * @property {number} frame_height
 * @property {number} columns of the filmstrip
 */

/** @typedef {CurveData | Picture[]} Source a picture with its copies, the largest first */

/** @type {Map<string, Promise<Source>>} */
const ahead = new Map(); // address -> what the next case shows

/** @param {string} url */
export function fetchSource(url) {
  const early = ahead.get(url);
  ahead.delete(url);
  return early ? early.catch(() => load(url)) : load(url);
}

/**
 * Fetches and decodes what the next case will show. What was fetched ahead for any other is let go.
 * @param {string[]} urls
 * @param {RequestPriority} priority
 */
export function fetchAhead(urls, priority = "low") {
  ahead.clear();
  for (const url of urls) {
    const early = load(url, { priority });
    early.catch(() => {}); // it is asked for again when it is needed
    ahead.set(url, early);
  }
}

/**
 * @param {string} url
 * @param {RequestInit} [options]
 * @returns {Promise<Source>}
 */
async function load(url, options) {
  const response = await fetch(url, options);
  if (!response.ok || response.redirected) throw new Error(`${url}: ${response.status}`);
  if (url.endsWith(".json")) return response.json();
  return decode(await response.arrayBuffer(), url.endsWith(".gz"));
}
