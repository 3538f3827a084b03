// Reminds of a break after so many minutes of reading in one sitting. In nobody's way: no key is taken, nothing waits.

const TICK = 5; // seconds
const REST = 5 * 60 * 1000; // who was away for this long has had a break

const place = document.getElementById("pause");
const note = place.querySelector(".pause-note");
const limit = 60 * Number(place.dataset.afterMinutes);
const key = `sitting-${place.dataset.owner}`;

function load() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(key));
    if (Date.now() - kept.at < REST) return kept.seconds;
  } catch {
    // nothing kept, or not by us: a new sitting
  }
  return 0;
}

let seconds = load();

function keep() {
  sessionStorage.setItem(key, JSON.stringify({ seconds, at: Date.now() }));
  note.hidden = seconds < limit;
}

setInterval(() => {
  if (document.hidden) return;
  seconds = load() + TICK; // from what is kept: it is stale after a rest, and then this is a new sitting
  keep();
}, TICK * 1000);

note.querySelector("button").addEventListener("click", () => {
  seconds = 0;
  keep();
});
note.hidden = seconds < limit;
