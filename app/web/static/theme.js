// Runs before the first paint, so that a remembered theme does not flash in the wrong colours.
// Everything else waits for thicket.js.
(() => {
  const root = document.documentElement;
  root.classList.add('has-js');
  let theme = null;
  let density = null;
  try {
    theme = localStorage.getItem('thicket.theme');
    density = localStorage.getItem('thicket.density');
  } catch {
    // Storage may be switched off: then the system's theme counts, as without JavaScript.
  }
  if (theme === 'light' || theme === 'dark') root.dataset.bsTheme = theme;
  if (density === 'compact') root.dataset.density = density;
})();
