// What all pages do in the browser. Every page works without it; nothing here is the only way.
// Listeners sit on the document, so that parts which arrive later need no set-up.
import { startLiveUpdates } from './live.js';

const icons = document.body.dataset.icons;

const stored = {
  get(name) {
    try { return localStorage.getItem(`thicket.${name}`); } catch { return null; }
  },
  set(name, value) {
    try {
      if (value === null) localStorage.removeItem(`thicket.${name}`);
      else localStorage.setItem(`thicket.${name}`, value);
    } catch { /* Storage is switched off: the choice then lasts for this page. */ }
  },
};

function on(type, selector, act) {
  document.addEventListener(type, (event) => {
    const element = event.target.closest?.(selector);
    if (element) act(element, event);
  });
}

const plainClick = (event) =>
  event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;

export function drawIcon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `${icons}#${name}`);
  svg.append(use);
  return svg;
}

// Choices: theme, density of tables, single keys.
function showChoices() {
  const theme = stored.get('theme') ?? 'system';
  for (const button of document.querySelectorAll('[data-theme-choice]')) {
    button.setAttribute('aria-pressed', String(button.dataset.themeChoice === theme));
  }
  for (const button of document.querySelectorAll('[data-density-switch]')) {
    button.setAttribute('aria-pressed', String(stored.get('density') === 'compact'));
  }
  for (const box of document.querySelectorAll('[data-keys-switch]')) {
    box.checked = stored.get('keys') !== 'off';
  }
}
on('click', '[data-theme-choice]', (button) => {
  const theme = button.dataset.themeChoice;
  stored.set('theme', theme === 'system' ? null : theme);
  if (theme === 'system') delete document.documentElement.dataset.bsTheme;
  else document.documentElement.dataset.bsTheme = theme;
  showChoices();
});
on('click', '[data-density-switch]', () => {
  const compact = document.documentElement.dataset.density !== 'compact';
  stored.set('density', compact ? 'compact' : null);
  if (compact) document.documentElement.dataset.density = 'compact';
  else delete document.documentElement.dataset.density;
  showChoices();
});
on('change', '[data-keys-switch]', (box) => stored.set('keys', box.checked ? null : 'off'));

// Toasts say what just happened; the page itself always says it too.
const TOAST_MS = 6000;
const TOAST_ICONS = { success: 'circle-check', danger: 'alert-circle', info: 'info-circle' };

export function toast(text, meaning = 'info') {
  const note = document.createElement('div');
  note.className = `toast-note is-${meaning}`;
  const words = document.createElement('span');
  words.textContent = text;
  note.append(drawIcon(TOAST_ICONS[meaning] ?? 'info-circle'), words);
  document.querySelector('.toasts')?.append(note);
  let timer = setTimeout(() => note.remove(), TOAST_MS);
  note.addEventListener('mouseenter', () => clearTimeout(timer));
  note.addEventListener('mouseleave', () => { timer = setTimeout(() => note.remove(), TOAST_MS); });
}
// A response may say `HX-Trigger: {"toast": {"text": "…", "meaning": "success"}}`.
document.addEventListener('toast', (event) => toast(event.detail.text, event.detail.meaning));

// Copying
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Browsers offer the clipboard to secure addresses only; this older way works on the others.
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'visually-hidden';
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}
on('click', '[data-copy], [data-copy-from]', async (button) => {
  const source = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
  await copy(source ? source.textContent : button.dataset.copy);
  toast('Copied', 'success');
});

// A form is sent once: its button turns and says what is going on.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === 'dialog' || form.hasAttribute('data-stays')) return;
  if (form.dataset.sending) { event.preventDefault(); return; }
  const button = event.submitter ?? form.querySelector('[type="submit"]');
  if (button?.hasAttribute('data-dialog')) return;
  form.dataset.sending = 'yes';
  // Not at once: the browser leaves disabled buttons out of what it sends.
  setTimeout(() => { if (button) makeBusy(button); });
});
function makeBusy(button) {
  if (!button.isConnected || button.dataset.label !== undefined) return;
  button.dataset.label = button.textContent.trim();
  button.idle = [...button.childNodes];
  const turning = document.createElement('span');
  turning.className = 'spinner';
  button.replaceChildren(turning, button.dataset.busy ?? button.dataset.label);
  button.disabled = true;
}
function makeIdle(form) {
  delete form.dataset.sending;
  for (const button of form.querySelectorAll('button[data-label]')) {
    button.replaceChildren(...button.idle);
    button.disabled = false;
    delete button.dataset.label;
  }
}
document.addEventListener('htmx:before:request', ({ detail: { ctx } }) => {
  if (ctx.sourceElement?.matches?.('form') && ctx.request.submitter) makeBusy(ctx.request.submitter);
});
document.addEventListener('htmx:finally:request', (event) => {
  const form = event.detail.ctx.sourceElement?.closest?.('form');
  if (form) makeIdle(form);
});
// Going back shows the page as it was left, with its button still turning.
window.addEventListener('pageshow', (event) => {
  if (event.persisted) document.querySelectorAll('form[data-sending]').forEach(makeIdle);
});

// Confirmations: without JavaScript a page of their own, with it the same page inside a dialog.
on('click', 'a[data-dialog]', (link, event) => {
  if (!plainClick(event)) return;
  event.preventDefault();
  showInDialog(link.href, {}, () => { location.href = link.href; });
});
document.addEventListener('submit', (event) => {
  const button = event.submitter;
  if (event.defaultPrevented || !button?.hasAttribute('data-dialog')) return;
  event.preventDefault();
  const form = event.target;
  const data = new URLSearchParams(new FormData(form, button));
  const url = new URL(button.formAction);
  const options = { method: 'POST', body: data };
  if ((button.getAttribute('formmethod') ?? form.method) === 'get') {
    url.search = data;
    delete options.method;
    delete options.body;
  }
  showInDialog(url.href, options, () => {
    button.removeAttribute('data-dialog');
    form.requestSubmit(button);
  });
});
async function showInDialog(url, options, goThere) {
  document.body.classList.add('is-loading');
  try {
    const response = await fetch(url, options);
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const content = page.querySelector('.confirm');
    if (!content || response.redirected) { goThere(); return; }
    const dialog = document.createElement('dialog');
    dialog.className = 'dialog';
    dialog.setAttribute('aria-labelledby', content.getAttribute('aria-labelledby'));
    dialog.append(document.adoptNode(content));
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.dispatchEvent(new CustomEvent('thicket:drawn', { bubbles: true }));
    dialog.showModal();
  } catch {
    goThere();
  } finally {
    document.body.classList.remove('is-loading');
  }
}
on('click', 'dialog [data-close]', (element, event) => {
  event.preventDefault();
  element.closest('dialog').close();
});
on('click', 'dialog.dialog', (dialog, event) => {
  // The dark part around a dialog counts as the dialog itself.
  if (event.target === dialog) dialog.close();
});
on('click', '[data-opens]', (button) => document.getElementById(button.dataset.opens)?.showModal());
on('input', 'input[data-must-equal]', (input) => {
  const equal = input.value === input.dataset.mustEqual;
  input.setCustomValidity(equal ? '' : `Type ${input.dataset.mustEqual} to go on.`);
});

// Menus close when one looks elsewhere.
document.addEventListener('click', (event) => {
  for (const menu of document.querySelectorAll('details.menu[open]')) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// Keys. Single ones can be switched off, since speech input may press them by accident.
const isTyping = (element) =>
  element.isContentEditable || element.matches('input:not([type="checkbox"]), textarea, select');

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    for (const menu of document.querySelectorAll('details.menu[open]')) {
      menu.open = false;
      menu.querySelector('summary').focus();
    }
    return;
  }
  const search = document.querySelector('[data-search]');
  if (event.key === 'k' && (event.ctrlKey || event.metaKey) && search) {
    event.preventDefault();
    search.focus();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (stored.get('keys') === 'off' || document.querySelector('dialog[open]')) return;
  if (event.key === '/' && search) {
    event.preventDefault();
    search.focus();
  } else if (event.key === '?') {
    showKeys();
  } else {
    const target = [...document.querySelectorAll('[data-key]')].find(
      (element) => element.dataset.key === event.key && !element.disabled);
    target?.click();
  }
});
function showKeys() {
  const dialog = document.getElementById('keys');
  if (!dialog) return;
  const list = dialog.querySelector('.keys');
  list.querySelectorAll('[data-of-page]').forEach((element) => element.remove());
  for (const element of document.querySelectorAll('[data-key]')) {
    const key = document.createElement('dt');
    const mark = document.createElement('kbd');
    mark.textContent = element.dataset.key;
    key.append(mark);
    const words = document.createElement('dd');
    words.textContent = element.getAttribute('aria-label') ?? element.dataset.keyLabel ?? element.textContent.trim();
    for (const part of [key, words]) part.dataset.ofPage = '';
    list.append(key, words);
  }
  dialog.showModal();
}

showChoices();
startLiveUpdates();
if (document.querySelector('[data-list], [data-combobox]')) {
  import('./lists.js').then((lists) => lists.start());
}
