// Sliders beside number fields on the Targets page: either moves the other. Without scripts the number fields do alone.
"use strict";

(() => {
  const slider = (number) => document.querySelector(`input[type="range"][data-for="${number.name}"]`);
  const field = (range) => range.form.elements[range.dataset.for];

  const prepare = () => document.querySelectorAll('input[type="range"][data-for][hidden]').forEach((range) => {
    range.hidden = false;
    if (field(range).value) range.value = field(range).value;
  });

  document.addEventListener("input", (event) => {
    const control = event.target;
    if (control.matches?.('input[type="range"][data-for]')) field(control).value = control.value;
    else if (control.matches?.('input[type="number"]') && slider(control)) slider(control).value = control.value;
  });

  // Somebody else is tried out: begin at what the proposal gives.
  document.addEventListener("change", (event) => {
    if (!event.target.matches?.('select[name="owner"]')) return;
    const { dataset } = event.target.selectedOptions[0];
    const amount = event.target.form.elements.amount;
    const range = slider(amount);
    amount.value = dataset.amount ?? "";
    Object.assign(range, { max: dataset.most ?? 0, step: dataset.step ?? 1 });
    range.value = amount.value;
    range.disabled = !dataset.amount;
  }, true);

  // What says nothing is not asked for: with a thousand people the address would be too long.
  document.addEventListener("htmx:configRequest", ({ target, detail }) => {
    if (!target.matches?.("form.wish")) return;
    for (const name of [...detail.formData.keys()]) if (!detail.formData.get(name)) detail.formData.delete(name);
  });

  document.addEventListener("htmx:afterSettle", prepare);
  prepare();
})();
