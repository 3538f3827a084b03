// Start page of a study: sends answers that were stored on this computer when the connection was lost.

import { Outbox } from "./outbox.js";

const notice = document.getElementById("unsent");

function show(outbox) {
  const waiting = outbox.waiting().length;
  const refused = outbox.refused();
  if (refused.length) notice.textContent = `${refused.length} of your answers could not be saved: ${refused[0].refused}`;
  else if (waiting) notice.textContent = `${waiting} of your answers are stored on this computer and are being sent.`;
  notice.hidden = waiting + refused.length === 0;
}

const outbox = new Outbox(notice.dataset.owner, show);
outbox.retryRefused();
