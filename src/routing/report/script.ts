/**
 * The page's only script: sorting the big table, searching and filtering decisions. It reads what is on the page and
 * never makes markup of it; the page reads well without it.
 */
export const SCRIPT = `
for (const button of document.querySelectorAll("thead button")) button.onclick = () => {
  const head = button.closest("th"), body = button.closest("table").tBodies[0], column = head.cellIndex;
  const order = head.ariaSort === "descending" ? "ascending" : "descending";
  for (const other of head.parentNode.cells) other.ariaSort = null;
  head.ariaSort = order;
  const value = (row) => row.cells[column].dataset.value;
  const compare = (a, b) => value(a) === undefined
    ? b.cells[column].textContent.localeCompare(a.cells[column].textContent)
    : value(a) - value(b);
  body.append(...[...body.rows].sort((a, b) => order === "ascending" ? compare(a, b) : compare(b, a)));
};
const filters = document.querySelector("#filters");
if (filters) {
  const search = document.querySelector("#search"), selects = filters.querySelectorAll("select");
  const items = [...document.querySelectorAll("#decisions details")];
  const texts = items.map((item) => item.textContent.toLowerCase());
  filters.hidden = false;
  filters.oninput = () => {
    const wanted = search.value.toLowerCase();
    let found = 0;
    for (const [index, item] of items.entries()) {
      const isKept = [...selects].every((select) => select.value === "" || item.dataset[select.dataset.filter] === select.value);
      item.hidden = !isKept || !texts[index].includes(wanted);
      if (!item.hidden) found++;
    }
    document.querySelector("#found").textContent = found + " shown";
  };
}
`;
