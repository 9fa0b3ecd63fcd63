import { html, svg, type TemplateResult } from 'lit'

const PATHS = {
  mic: svg`<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3"/>`,
  micOff: svg`<path d="M9 9v2.2a3 3 0 0 0 4.9 2.3M15 11V6a3 3 0 0 0-5.7-1.3M5.5 11.5a6.5 6.5 0 0 0 10.6 5M18.5 11.5a6.5 6.5 0 0 1-.5 2.5M12 18v3M4 3.5l16 17"/>`,
  camera: svg`<rect x="2.5" y="6" width="13" height="12" rx="3"/><path d="m15.5 11 4.4-2.6c.7-.4 1.6.1 1.6.9v5.4c0 .8-.9 1.3-1.6.9L15.5 13"/>`,
  cameraOff: svg`<path d="M10.5 6h2a3 3 0 0 1 3 3v2l4.4-2.6c.7-.4 1.6.1 1.6.9v5.4c0 .5-.3.9-.7 1M15.5 15.5a3 3 0 0 1-3 2.5h-7a3 3 0 0 1-3-3V9c0-1.3.8-2.4 2-2.8M4 3.5l16 17"/>`,
  screen: svg`<rect x="2.5" y="4" width="19" height="13" rx="2.5"/><path d="M8.5 20.5h7M12 13.5v-6M9.3 10 12 7.3l2.7 2.7"/>`,
  screenStop: svg`<rect x="2.5" y="4" width="19" height="13" rx="2.5"/><path d="M8.5 20.5h7M9.8 8.3l4.4 4.4M14.2 8.3l-4.4 4.4"/>`,
  chat: svg`<path d="M12 4c-5 0-9 3.2-9 7.3 0 2.2 1.2 4.2 3.1 5.5-.1 1.1-.6 2.2-1.5 3 1.9 0 3.6-.6 4.9-1.6.8.2 1.6.3 2.5.3 5 0 9-3.2 9-7.2S17 4 12 4Z"/>`,
  people: svg`<circle cx="9" cy="8" r="3.5"/><path d="M2.5 19.5c.5-3.2 3.2-5.5 6.5-5.5s6 2.3 6.5 5.5M15.5 4.8a3.5 3.5 0 0 1 0 6.4M17.8 14.6c2 .8 3.4 2.6 3.7 4.9"/>`,
  link: svg`<path d="M10 14a4.2 4.2 0 0 0 6 0l3-3a4.240 4.240 0 0 0-6-6l-1 1M14 10a4.2 4.2 0 0 0-6 0l-3 3a4.240 4.240 0 0 0 6 6l1-1"/>`,
  sliders: svg`<path d="M4 7.5h8M18 7.5h2M4 16.5h2M12 16.5h8"/><circle cx="15" cy="7.5" r="2.6"/><circle cx="9" cy="16.5" r="2.6"/>`,
  leave: svg`<path d="M21 14.6v-1.3c0-3-4-5.3-9-5.3s-9 2.3-9 5.3v1.3c0 .9.8 1.6 1.7 1.4l2.6-.5c.7-.1 1.2-.7 1.2-1.4v-1.6a12 12 0 0 1 7 0v1.6c0 .7.5 1.3 1.2 1.4l2.6.5c.9.2 1.7-.5 1.7-1.4Z" fill="currentColor" stroke="none"/>`,
  send: svg`<path d="M12 19V5.5M5.8 11.5 12 5.3l6.2 6.2"/>`,
  picture: svg`<rect x="3" y="4.5" width="18" height="15" rx="3"/><circle cx="8.8" cy="9.8" r="1.6"/><path d="m4 17.5 4.3-4.2a1.5 1.5 0 0 1 2 0l2.6 2.3 2.3-2.2a1.5 1.5 0 0 1 2 0l3.5 3.3"/>`,
  file: svg`<path d="M13.5 3H7.5a2.5 2.5 0 0 0-2.5 2.5v13A2.5 2.5 0 0 0 7.5 21h9a2.5 2.5 0 0 0 2.5-2.5v-10L13.5 3Zm0 0v5.5H19"/>`,
  check: svg`<path d="m5 12.5 4.5 4.5L19 7.5"/>`,
  checks: svg`<path d="m1.5 12.5 4.2 4.2L14.5 7.5M11.3 15.6l1.2 1.1L21.5 7.5"/>`,
  clock: svg`<circle cx="12" cy="12" r="8"/><path d="M12 7.5V12l3 2"/>`,
  alert: svg`<circle cx="12" cy="12" r="9"/><path d="M12 7.5v5.5M12 16.2v.1"/>`,
  close: svg`<path d="m6 6 12 12M18 6 6 18"/>`,
  down: svg`<path d="M12 5v13.5M5.8 12.5 12 18.7l6.2-6.2"/>`,
  speaker: svg`<path d="M4 9.5h3l4.5-4v13l-4.5-4H4a1 1 0 0 1-1-1v-3a1 1 0 0 1 1-1ZM15.5 9a4.2 4.2 0 0 1 0 6M18.2 6.3a8 8 0 0 1 0 11.4"/>`,
  arrow: svg`<path d="M5 12h13.5M12.5 5.8 18.7 12l-6.2 6.2"/>`,
  lock: svg`<rect x="5" y="10.5" width="14" height="10" rx="2.5"/><path d="M8 10.5V7.5a4 4 0 0 1 8 0v3"/>`,
  plus: svg`<path d="M12 5v14M5 12h14"/>`,
  back: svg`<path d="M19 12H5.5M11.5 5.8 5.3 12l6.2 6.2"/>`,
  compass: svg`<circle cx="12" cy="12" r="9"/><path d="m15.8 8.2-2.1 5.5-5.5 2.1 2.1-5.5 5.5-2.1Z"/>`,
  channel: svg`<path d="M9.8 4 7.6 20M16.4 4l-2.2 16M4.5 9h15.5M4 15h15.5"/>`,
  thread: svg`<path d="M20 11.5a3 3 0 0 0-3-3H8.5a4.5 4.5 0 0 0-4.5 4.5v1.5a4 4 0 0 0 2.5 3.7V21l3-2.5H17a3 3 0 0 0 3-3ZM8 5h9M9 12.2h6.5M9 15h4"/>`,
  reply: svg`<path d="M9.5 6 4 11.5 9.5 17M4.5 11.5H14a6 6 0 0 1 6 6V19"/>`,
  smile: svg`<circle cx="12" cy="12" r="9"/><path d="M8.3 14.2a4.5 4.5 0 0 0 7.4 0M9 9.5v.1M15 9.5v.1"/>`,
  pencil: svg`<path d="m4.5 19.5 1-4.2L15.7 5.1a1.8 1.8 0 0 1 2.5 0l.7.7a1.8 1.8 0 0 1 0 2.5L8.7 18.5l-4.2 1ZM13.7 7.1l3.2 3.2"/>`,
  trash: svg`<path d="M4.5 7h15M9.5 7V5.5A1.5 1.5 0 0 1 11 4h2a1.5 1.5 0 0 1 1.5 1.5V7M6.5 7l.8 11.2A2 2 0 0 0 9.3 20h5.4a2 2 0 0 0 2-1.8L17.5 7M10.2 11v5M13.8 11v5"/>`,
  pin: svg`<path d="M14.5 3.8 20.2 9.5l-3.4 1.3-3.3 3.3-.6 4.3-7.3-7.3 4.3-.6 3.3-3.3 1.3-3.4ZM9.2 14.8 4 20"/>`,
  forward: svg`<path d="M14.5 6 20 11.5 14.5 17M19.5 11.5H10a6 6 0 0 0-6 6V19"/>`,
  more: svg`<path d="M5.5 12v.1M12 12v.1M18.5 12v.1" stroke-width="2.6"/>`,
  at: svg`<circle cx="12" cy="12" r="3.8"/><path d="M15.8 8.2v5a2.6 2.6 0 0 0 5.2 0V12a9 9 0 1 0-3.6 7.2"/>`,
  copy: svg`<rect x="8.5" y="8.5" width="11.5" height="11.5" rx="2.5"/><path d="M15.5 5.5A1.5 1.5 0 0 0 14 4H6.5A2.5 2.5 0 0 0 4 6.5V14a1.5 1.5 0 0 0 1.5 1.5"/>`,
  clip: svg`<path d="m19.5 11.8-7.3 7.2a4.8 4.8 0 0 1-6.8-6.8l8-7.9a3.2 3.2 0 0 1 4.5 4.5l-7.9 7.9a1.6 1.6 0 0 1-2.3-2.3l7-6.9"/>`,
  play: svg`<path d="M8 5.6v12.8c0 .8.9 1.3 1.6.8l9.6-6.4a1 1 0 0 0 0-1.6L9.6 4.8A1 1 0 0 0 8 5.6Z" fill="currentColor" stroke="none"/>`,
  pause: svg`<rect x="6.5" y="5" width="4" height="14" rx="1.2" fill="currentColor" stroke="none"/><rect x="13.5" y="5" width="4" height="14" rx="1.2" fill="currentColor" stroke="none"/>`,
  record: svg`<circle cx="12" cy="12" r="9" /><circle cx="12" cy="12" r="4" fill="currentColor" />`,
  live: svg`<circle cx="12" cy="12" r="2.2" fill="currentColor" stroke="none"/><path d="M8.300 15.700a5.200 5.200 0 0 1 0-7.400M15.700 8.300a5.200 5.200 0 0 1 0 7.400M5.300 18.700a9.500 9.500 0 0 1 0-13.400M18.700 5.300a9.500 9.500 0 0 1 0 13.400"/>`,
  stop: svg`<rect x="6.5" y="6.5" width="11" height="11" rx="2" fill="currentColor" stroke="none"/>`,
  download: svg`<path d="M12 4v11M6.8 10 12 15.2 17.2 10M5 19.5h14"/>`,
  zoomIn: svg`<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5M11 8.3v5.4M8.3 11h5.4"/>`,
  zoomOut: svg`<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5M8.3 11h5.4"/>`,
  wholeScreen: svg`<path d="M4 9V6a2 2 0 0 1 2-2h3M15 4h3a2 2 0 0 1 2 2v3M20 15v3a2 2 0 0 1-2 2h-3M9 20H6a2 2 0 0 1-2-2v-3"/>`,
  silent: svg`<path d="M4 9.5h3l4.5-4v13l-4.5-4H4a1 1 0 0 1-1-1v-3a1 1 0 0 1 1-1ZM16 9.5l5 5M21 9.5l-5 5"/>`,
  photo: svg`<path d="M4.5 7.5h2.7l1.3-2.2a1 1 0 0 1 .9-.5h5.2a1 1 0 0 1 .9.5l1.3 2.2h2.7a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-15a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2Z"/><circle cx="12" cy="13" r="3.6"/>`,
  turn: svg`<path d="M4.5 12a7.5 7.5 0 0 1 13-5.1L20 9.5M20 4.5v5h-5M19.5 12a7.5 7.5 0 0 1-13 5.1L4 14.5M4 19.5v-5h5"/>`,
  phone: svg`<path d="M7.2 4H5.5A1.5 1.500 0 0 0 4 5.600C4.500 13.500 10.500 19.500 18.400 20a1.500 1.500 0 0 0 1.600-1.500v-2.200c0-.7-.5-1.300-1.100-1.400l-2.500-.5c-.5-.1-1 .1-1.300.5l-.9 1.100a12 12 0 0 1-6.200-6.200l1.100-.9c.4-.3.6-.8.5-1.300l-.5-2.500C8.500 4.400 7.900 4 7.200 4Z"/>`,
  callIn: svg`<path d="M18.500 5.500 6 18M6 9v9h9"/>`,
  callOut: svg`<path d="M5.500 18.500 18 6M9 6h9v9"/>`,
  callMissed: svg`<path d="m4 7 7.500 7.500L20 6M20 12V6h-6M4 19h16"/>`,
  hand: svg`<path d="M8 12.5V6a1.6 1.6 0 0 1 3.2 0v5M11.200 10.500V4.600a1.6 1.6 0 0 1 3.2 0v6M14.400 10.800V6.200a1.6 1.6 0 0 1 3.2 0v7.300a7 7 0 0 1-7 7c-2.300 0-4-.9-5.200-2.800L3.600 14.500a1.600 1.600 0 0 1 2.700-1.700L8 14.700"/>`,
  shield: svg`<path d="M12 3.500 5 6v5.500c0 4.300 2.900 7.700 7 9 4.100-1.300 7-4.700 7-9V6l-7-2.500ZM9 12l2.200 2.200L15.200 10"/>`,
  grid: svg`<rect x="4" y="4" width="7" height="7" rx="2"/><rect x="13" y="4" width="7" height="7" rx="2"/><rect x="4" y="13" width="7" height="7" rx="2"/><rect x="13" y="13" width="7" height="7" rx="2"/>`,
  board: svg`<rect x="3" y="4" width="18" height="13" rx="2.5"/><path d="M7 13c1.500-4 3-5 3.800-3.800.8 1.200-.8 3.300.5 3.500 1.300.2 2-2.200 3.200-2.200.9 0 .9 1.300 2.500 1.300M9 17l-1.500 3.500M15 17l1.500 3.500"/>`,
  undo: svg`<path d="M8.500 5 4 9.500 8.500 14M4.500 9.500H14a5 5 0 0 1 0 10h-4"/>`,
  eraser: svg`<path d="m4.600 13.600 8.500-8.500a2 2 0 0 1 2.800 0l3.500 3.500a2 2 0 0 1 0 2.800L12 19H8.500l-3.900-3.900a1.100 1.100 0 0 1 0-1.500ZM9.300 9l6.300 6.200M12 19h8"/>`,
  cursor: svg`<path d="m5 4 14 6-6 2.500L10.500 19 5 4Z" fill="currentColor"/>`,
  search: svg`<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>`,
} as const

export type IconName = keyof typeof PATHS

/** One of our icons, 24 by 24, in the colour and 1.25 times the size of the text. Says nothing to screen readers. */
export const icon = (name: IconName): TemplateResult =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${PATHS[name]}</svg>`

/** The mark: two ends on one line, and the line they share. */
export const brandMark = (): TemplateResult => html`<svg viewBox="0 0 32 32" aria-hidden="true">
  <rect width="32" height="32" rx="9" fill="var(--accent)" />
  <g fill="none" stroke="var(--on-accent)" stroke-width="2.6" stroke-linecap="round">
    <path d="M8 10.5h16M16 10.5V23" />
  </g>
  <g fill="var(--on-accent)">
    <circle cx="8" cy="10.5" r="2.9" />
    <circle cx="24" cy="10.5" r="2.9" />
    <circle cx="16" cy="23" r="2.9" />
  </g>
</svg>`
