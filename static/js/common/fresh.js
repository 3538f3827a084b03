// A page that comes back from the browser's memory may be of somebody who has signed out since: ask the server again.
// Browsers that heed `no-store` never do this; some do not heed it.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    document.documentElement.hidden = true;
    window.location.reload();
  }
});
