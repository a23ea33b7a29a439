// Live regions: one clock for the page, one small request for each region, nothing for hidden tabs.
// A region says hx-trigger="tick from:body" and data-live-region; htmx does the asking.

const USUAL_MS = 5000;
const WHILE_WORKING_MS = 1000;
const RELATIVE_EVERY_MS = 10000;

let paused = false;
try {
  // For this tab alone: a pause that is forgotten must not leave tomorrow's pages standing still.
  paused = sessionStorage.getItem('thicket.paused') === 'yes';
} catch { /* Storage is switched off: every page then starts live. */ }
let timer;
let planned;

// Rows must not move under a hand that ticks them, nor a list change while somebody says what to look for.
function isInUse(region) {
  const list = region.closest('[data-list]');
  if (!list) return false;
  const typing = document.activeElement;
  return list.querySelector('.row-select:checked') !== null
    || (list.contains(typing) && typing.matches('input, textarea, select')
      && (typing.matches('select') || typing.value !== typing.defaultValue))
    || list.querySelector(':popover-open') !== null;
}

const isLive = (element) => element?.matches?.('[data-live-region]');

function interval() {
  if (document.querySelector('[data-job-running]')) return WHILE_WORKING_MS;
  return Number(document.body.dataset.tickMs) || USUAL_MS;
}
function plan() {
  clearTimeout(timer);
  planned = interval();
  timer = setTimeout(() => { beat(); plan(); }, planned);
}
function tick() {
  document.body.dispatchEvent(new CustomEvent('tick'));
}
function beat() {
  if (!document.hidden && !paused) tick();
}
function showSwitch() {
  for (const button of document.querySelectorAll('[data-live-switch]')) {
    button.setAttribute('aria-pressed', String(!paused));
    button.querySelector('.word').textContent = paused ? 'Paused' : 'Live';
    button.title = paused ? 'Live updates are paused' : `Updates every ${interval() / 1000} s`;
  }
}

// What each region shows, so that the server can answer 304. The tag is sent by us and not by the
// browser's cache, because pages of signed-in people must not be kept on disk.
const shown = new WeakMap();

let waiting = 0;

function showWaiting(change) {
  waiting = Math.max(waiting + change, 0);
  document.body.classList.toggle('is-loading', waiting > 0);
}

function watchRequests() {
  document.addEventListener('htmx:before:request', (event) => {
    const { ctx } = event.detail;
    if (!isLive(ctx.sourceElement)) { showWaiting(1); return; }
    if (isInUse(ctx.sourceElement)) { event.preventDefault(); return; }
    const known = shown.get(ctx.sourceElement);
    if (known && known.url === ctx.request.action) ctx.request.headers['If-None-Match'] = known.tag;
  });
  document.addEventListener('htmx:finally:request', ({ detail: { ctx } }) => {
    if (!isLive(ctx.sourceElement)) showWaiting(-1);
  });
  document.addEventListener('htmx:before:response', (event) => {
    const { ctx } = event.detail;
    if (!isLive(ctx.sourceElement)) {
      // Post, redirect, get: the answer is a page, not a part of this one.
      if (ctx.response.raw.redirected) {
        event.preventDefault();
        location.href = ctx.response.raw.url;
      }
      return;
    }
    if (isInUse(ctx.sourceElement)) {
      event.preventDefault(); // The answer came too late; the next one is as good.
    } else if (ctx.response.raw.redirected || ctx.response.status === 401) {
      event.preventDefault();
      markStale(ctx.sourceElement, 'You are signed out.', 'Sign in', () => location.reload());
    } else if (ctx.response.status >= 400) {
      event.preventDefault();
      markOutdated(ctx.sourceElement);
    } else {
      clearStale(ctx.sourceElement);
    }
  });
  document.addEventListener('htmx:after:swap', ({ detail: { ctx } }) => {
    const tag = ctx.response?.headers?.get('ETag');
    if (isLive(ctx.sourceElement) && tag) shown.set(ctx.sourceElement, { url: ctx.request.action, tag });
    showTimes();
    if (planned !== interval()) { plan(); showSwitch(); }
    tellOfEndedJobs();
  });
  document.addEventListener('htmx:error', ({ detail: { ctx } }) => {
    if (isLive(ctx?.sourceElement)) markOutdated(ctx.sourceElement);
  });
  // What a person opened or closed stays so when the region around it is refreshed.
  window.htmx?.registerExtension('thicket', {
    htmx_before_morph_attr: (element, detail) =>
      !(detail.attrName === 'open' && element.matches('details, dialog')),
  });
}

// What a job changed is shown when it ends: regions ask with hx-trigger="jobend from:body".
let running = 0;

function tellOfEndedJobs() {
  const before = running;
  running = document.querySelectorAll('[data-job-running]').length;
  if (running < before) document.body.dispatchEvent(new CustomEvent('jobend'));
}

// A region that could not be refreshed keeps what it has, dimmed, and says since when.
const notices = new WeakMap();
const lastSuccess = new WeakMap();
const openedAt = new Date();

function markOutdated(region) {
  const since = (lastSuccess.get(region) ?? openedAt).toLocaleTimeString([], { timeStyle: 'short' });
  markStale(region, `Not updated since ${since}.`, 'Retry', tick);
}
function markStale(region, text, action, act) {
  region.dataset.stale = '';
  let notice = notices.get(region);
  if (!notice) {
    notice = document.createElement('p');
    notice.className = 'stale is-warning';
    notice.setAttribute('role', 'status');
    region.before(notice);
    notices.set(region, notice);
  }
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'btn btn-sm';
  button.textContent = action;
  button.addEventListener('click', act);
  if (notice.firstChild?.textContent !== text) notice.replaceChildren(text, button);
}
function clearStale(region) {
  lastSuccess.set(region, new Date());
  delete region.dataset.stale;
  notices.get(region)?.remove();
  notices.delete(region);
}

// Times, in the same words as the server's `relative_time`.
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });

export function relative(moment, now) {
  const past = moment <= now;
  const seconds = Math.floor(Math.abs(now - moment) / 1000);
  if (seconds < 10) return past ? 'just now' : 'now';
  if (seconds >= 28 * 86400) return null;
  for (const [unit, length] of [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]]) {
    if (seconds < length) continue;
    const text = `${Math.floor(seconds / length)} ${unit}`;
    return past ? `${text} ago` : `in ${text}`;
  }
  return null;
}
function showTimes() {
  const now = new Date();
  for (const element of document.querySelectorAll('time[data-relative]')) {
    const moment = new Date(element.dateTime);
    const words = relative(moment, now);
    if (words && element.textContent !== words) element.textContent = words;
    const title = exact.format(moment);
    if (element.title !== title) element.title = title;
  }
}

export function startLiveUpdates() {
  watchRequests();
  document.addEventListener('click', (event) => {
    if (!event.target.closest('[data-live-switch]')) return;
    paused = !paused;
    try { sessionStorage.setItem('thicket.paused', paused ? 'yes' : 'no'); } catch { /* As above. */ }
    showSwitch();
    beat();
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) { showTimes(); beat(); plan(); }
  });
  setInterval(() => { if (!document.hidden) showTimes(); }, RELATIVE_EVERY_MS);
  showSwitch();
  showTimes();
  tellOfEndedJobs();
  plan();
}
