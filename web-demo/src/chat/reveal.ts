/**
 * Scrolls an element into view within its scroller, and nothing around that: not the page we may be embedded in.
 * `center`: to its middle; `nearest`: only as far as needed.
 */
export const reveal = (scroller: HTMLElement, element: HTMLElement, where: 'center' | 'nearest'): void => {
  const outer = scroller.getBoundingClientRect()
  const inner = element.getBoundingClientRect()
  const above = inner.top - outer.top
  const below = inner.bottom - outer.bottom
  if (where === 'center') scroller.scrollTop += (above + below) / 2
  else if (above < 0) scroller.scrollTop += above
  else if (below > 0) scroller.scrollTop += below
}
