// Lists and pickers; fetched only by pages that have one.

// Ticking: shift-click ticks a range, the box in the head ticks the page. What happens to ticked rows
// is a plain form; which bar is seen is decided by the style sheet.
let lastTicked = null;

function boxesOf(list) {
  return [...list.querySelectorAll('.row-select')];
}
function showSelection(list) {
  const boxes = boxesOf(list);
  const ticked = boxes.filter((box) => box.checked).length;
  const all = list.querySelector('.select-all');
  if (all) {
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }
  const count = list.querySelector('[data-selected-count]');
  const everything = list.querySelector('[data-everything]');
  if (count) {
    const amount = everything?.checked ? Number(everything.dataset.everything) : ticked;
    count.textContent = `${amount.toLocaleString('en')} selected`;
  }
}
function setTicked(box, ticked) {
  if (box.checked === ticked) return;
  box.checked = ticked;
}
function onClick(event) {
  const box = event.target.closest('.row-select');
  const list = event.target.closest('[data-list]');
  if (!list) return;
  if (box) {
    const boxes = boxesOf(list);
    if (event.shiftKey && lastTicked && boxes.includes(lastTicked)) {
      const [from, to] = [boxes.indexOf(lastTicked), boxes.indexOf(box)].sort((a, b) => a - b);
      for (const other of boxes.slice(from, to + 1)) setTicked(other, box.checked);
    }
    lastTicked = box;
    showSelection(list);
    return;
  }
  if (event.target.closest('[data-clear-selection]')) {
    for (const other of boxesOf(list)) setTicked(other, false);
    const everything = list.querySelector('[data-everything]');
    if (everything) everything.checked = false;
    showSelection(list);
    return;
  }
  // A click anywhere in a row opens it, as its link does; selecting text does not.
  const row = event.target.closest('tbody tr');
  const busy = event.target.closest('a, button, input, select, label, summary, details');
  if (row && !busy && event.button === 0 && !getSelection().toString()) {
    row.querySelector('.main-link')?.click();
  }
}
function onChange(event) {
  const list = event.target.closest('[data-list]');
  if (!list) return;
  if (event.target.matches('.select-all')) {
    for (const box of boxesOf(list)) setTicked(box, event.target.checked);
  }
  if (event.target.matches('.select-all, .row-select, [data-everything]')) showSelection(list);
}

// j and k walk through the rows, x ticks, Enter follows the link that has the focus.
function onKey(event) {
  const off = (() => { try { return localStorage.getItem('thicket.keys') === 'off'; } catch { return false; } })();
  if (off || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.target.matches('input:not([type="checkbox"]), textarea, select')) return;
  const links = [...document.querySelectorAll('[data-list] tbody .main-link')];
  if (!links.length) return;
  const row = document.activeElement?.closest?.('[data-list] tbody tr');
  const place = links.findIndex((link) => link.closest('tr') === row);
  if (event.key === 'j') links[Math.min(place + 1, links.length - 1)].focus();
  else if (event.key === 'k') links[Math.max(place - 1, 0)].focus();
  else if (event.key === 'x' && row) row.querySelector('.row-select')?.click();
}

// A <select> becomes a box to type into. Options stay in the <select>, which is still what is sent;
// with data-source the server is asked for more: [{value, label, hint}], at most a handful.
let made = 0;

function makeCombobox(select) {
  if (select.dataset.ready) return;
  select.dataset.ready = 'yes';
  made += 1;
  const listId = `combobox-${made}`;
  const focused = document.activeElement === select;
  const box = document.createElement('div');
  box.className = 'combobox';
  const input = document.createElement('input');
  input.className = 'form-control';
  input.type = 'text';
  input.autocomplete = 'off';
  for (const [name, value] of Object.entries({
    role: 'combobox', 'aria-expanded': 'false', 'aria-controls': listId, 'aria-autocomplete': 'list',
  })) input.setAttribute(name, value);
  const described = select.getAttribute('aria-describedby');
  if (described) input.setAttribute('aria-describedby', described);
  if (select.getAttribute('aria-invalid')) input.setAttribute('aria-invalid', 'true');
  input.required = select.required;
  select.required = false;
  input.placeholder = select.dataset.combobox || 'Type to search';
  const list = document.createElement('ul');
  list.id = listId;
  list.hidden = true;
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', 'Suggestions');
  box.append(input, list);
  select.before(box);
  box.append(select);
  // The label and links from an error summary must reach the box that is seen.
  input.id = select.id;
  select.id = `${listId}-value`;
  select.hidden = true;
  select.tabIndex = -1;
  input.value = select.value ? select.selectedOptions[0]?.text ?? '' : '';
  // Whoever was quicker than this file keeps their place.
  if (focused) input.focus();

  let shown = [];
  let active = -1;
  let asked = 0;
  let waiting;

  const local = (text) => [...select.options]
    .filter((option) => option.value && option.text.toLowerCase().includes(text))
    .slice(0, 8)
    .map((option) => ({ value: option.value, label: option.text, hint: option.dataset.hint ?? '' }));

  function close() {
    list.hidden = true;
    active = -1;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  }
  function mark(index) {
    active = index;
    [...list.children].forEach((item, number) => {
      item.classList.toggle('is-active', number === index);
      item.setAttribute('aria-selected', String(number === index));
    });
    if (index >= 0) {
      input.setAttribute('aria-activedescendant', list.children[index].id);
      list.children[index].scrollIntoView({ block: 'nearest' });
    }
  }
  function show(options) {
    shown = options;
    list.replaceChildren(...options.map((option, number) => {
      const item = document.createElement('li');
      item.id = `${listId}-${number}`;
      item.setAttribute('role', 'option');
      const hint = document.createElement('span');
      hint.className = 'muted small';
      hint.textContent = option.hint ?? '';
      item.append(option.label, hint);
      // mousedown comes before the input loses its focus and the list closes.
      item.addEventListener('mousedown', (event) => { event.preventDefault(); choose(number); });
      return item;
    }));
    if (!options.length) {
      const nothing = document.createElement('li');
      nothing.id = `${listId}-0`;
      nothing.className = 'is-nothing';
      nothing.setAttribute('role', 'option');
      nothing.setAttribute('aria-disabled', 'true');
      nothing.textContent = 'Nobody matches';
      list.append(nothing);
    }
    list.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    if (options.length) mark(0);
  }
  function choose(number) {
    const option = shown[number];
    if (!option) return;
    if (![...select.options].some((known) => known.value === option.value)) {
      select.add(new Option(option.label, option.value));
    }
    select.value = option.value;
    select.dispatchEvent(new Event('change', { bubbles: true }));
    input.value = option.label;
    input.setCustomValidity('');
    close();
  }
  async function suggest() {
    const text = input.value.trim().toLowerCase();
    if (!select.dataset.source || !text) { show(local(text)); return; }
    asked += 1;
    const mine = asked;
    const url = new URL(select.dataset.source, location.href);
    url.searchParams.set('q', text);
    try {
      const response = await fetch(url, { headers: { Accept: 'application/json' } });
      if (!response.ok) throw new Error(String(response.status));
      const options = await response.json();
      if (mine === asked && document.activeElement === input) show(options.slice(0, 8));
    } catch {
      // The options that came with the page still work.
      if (mine === asked) show(local(text));
    }
  }
  input.addEventListener('input', () => {
    select.value = '';
    input.setCustomValidity(input.value.trim() ? 'Choose one from the list.' : '');
    clearTimeout(waiting);
    waiting = setTimeout(suggest, select.dataset.source ? 150 : 0);
  });
  input.addEventListener('click', () => { if (list.hidden) show(local('')); });
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (list.hidden) { suggest(); return; }
      if (!shown.length) return;
      const step = event.key === 'ArrowDown' ? 1 : -1;
      mark((active + step + shown.length) % shown.length);
    } else if (event.key === 'Enter' && !list.hidden) {
      event.preventDefault();
      choose(active);
    } else if (event.key === 'Escape' && !list.hidden) {
      event.stopPropagation();
      close();
    }
  });
}

function prepare() {
  document.querySelectorAll('select[data-combobox]').forEach(makeCombobox);
  document.querySelectorAll('[data-list]').forEach(showSelection);
}

export function start() {
  document.addEventListener('click', onClick);
  document.addEventListener('change', onChange);
  document.addEventListener('keydown', onKey);
  document.addEventListener('htmx:after:swap', prepare);
  document.addEventListener('thicket:drawn', prepare);
  prepare();
}
