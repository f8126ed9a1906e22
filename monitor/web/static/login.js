// The login page: says that the token was wrong, which the server tells by `?wrong`.

if (new URLSearchParams(location.search).has("wrong")) {
  document.getElementById("wrong").hidden = false;
  document.getElementById("token").setAttribute("aria-invalid", "true");
}
