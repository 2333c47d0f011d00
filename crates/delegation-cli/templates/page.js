'use strict';
(() => {
  const root = document.documentElement;
  const form = document.getElementById('filters');
  const search = document.getElementById('search');
  const count = document.getElementById('count');
  const boxes = [...form.querySelectorAll('input[type=checkbox]')];
  const items = [...document.querySelectorAll('li.delegation')];
  const zones = [...document.querySelectorAll('section.zone')];

  // Shows the delegations that have one of the selected states and match every word, and the delegations above them.
  function filter() {
    const states = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    const keep = new Set();
    for (const item of items) {
      const text = item.dataset.text;
      if (item.dataset.states.split(' ').some((state) => states.has(state)) && words.every((word) => text.includes(word))) {
        shown += 1;
        for (let up = item; up !== null; up = up.parentElement.closest('li.delegation')) keep.add(up);
      }
    }
    for (const item of items) item.hidden = !keep.has(item);
    for (const zone of zones) zone.hidden = zone.querySelector('li.delegation:not([hidden])') === null;
    count.textContent = `${shown} of ${items.length} delegations shown`;
  }

  form.hidden = false;
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('input', filter);
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !(event.target instanceof HTMLInputElement)) {
      event.preventDefault();
      search.focus();
    }
  });
  let closed = [];
  window.addEventListener('beforeprint', () => {
    closed = [...document.querySelectorAll('details:not([open])')];
    for (const details of closed) details.open = true;
  });
  window.addEventListener('afterprint', () => {
    for (const details of closed) details.open = false;
  });
  filter();
  root.dataset.ready = 'yes';
})();
