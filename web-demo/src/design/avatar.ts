import { html } from 'lit'
import { LightElement } from './element.ts'

/** Up to two initials: of the first and the last word. */
export const initialsOf = (name: string): string => {
  const words = name.trim().split(/\s+/)
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined]
  return letters
    .map(word => (word ? ([...word][0] ?? '') : ''))
    .join('')
    .toLocaleUpperCase()
}

/** A hue for a person, always the same for the same id. */
export const hueOf = (id: string): number => {
  let hash = 7
  for (const character of id) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 100_003
  return (hash * 47) % 360
}

/** A person's picture, else their initials on a colour of their own. Decoration: the name stands beside it. */
export class Avatar extends LightElement {
  static override properties = { name: {}, userId: {}, picture: {}, lost: { state: true } }
  declare name: string
  declare userId: string
  /** Address of the picture. */
  declare picture: string | undefined
  /** The address nothing came from. */
  declare lost: string | undefined

  constructor() {
    super()
    this.name = ''
    this.userId = ''
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.ariaHidden = 'true'
  }

  protected override render() {
    this.style.setProperty('--hue', String(hueOf(this.userId)))
    const { picture } = this
    if (!picture || picture === this.lost) return html`${initialsOf(this.name)}`
    return html`<img
      src=${picture}
      alt=""
      decoding="async"
      referrerpolicy="no-referrer"
      @error=${() => {
        this.lost = picture
      }}
    />`
  }
}

customElements.define('tl-avatar', Avatar)
