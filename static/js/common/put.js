// What is sent to the server: JSON by PUT, under an address that stands for one thing, so that it can be sent again.

function csrfToken() {
  // Read at every use: signing in again in another tab changes it.
  const cookie = document.cookie.split("; ").find((entry) => entry.startsWith("csrftoken="));
  return cookie ? decodeURIComponent(cookie.slice("csrftoken=".length)) : "";
}

/**
 * @param {string} url
 * @param {object} body
 * @param {RequestInit} options
 */
export function put(url, body, options = {}) {
  return fetch(url, {
    method: "PUT",
    credentials: "same-origin",
    redirect: "manual", // a redirect is no reply of ours, whatever page it leads to
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
    body: JSON.stringify(body),
    ...options,
  });
}
