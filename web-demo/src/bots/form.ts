import {
  type Field,
  type FieldValue,
  type FieldValues,
  type Form,
  faultsOf,
  type Member,
} from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'

/** What was filled into a field, as the bot wants it; undefined for nothing. */
const valueFrom = ({ kind }: Field, filled: FormDataEntryValue | null): FieldValue | undefined => {
  if (kind === 'boolean') return filled === 'on'
  if (typeof filled !== 'string' || filled === '') return undefined
  if (kind === 'number') return Number(filled)
  return kind === 'time' ? new Date(filled).toISOString() : filled
}

/** The fields of a form below a message. Fires `values` with what was filled in, once it fits. */
export class BotForm extends LightElement {
  static override properties = {
    form: { attribute: false },
    members: { attribute: false },
    busy: { type: Boolean },
    fault: { state: true },
  }
  declare form: Form
  declare members: readonly Member[]
  declare busy: boolean
  declare fault: string | undefined

  protected override firstUpdated(): void {
    this.querySelector<HTMLElement>('input, textarea, select')?.focus()
  }

  protected override render() {
    const { title, fields, submit, label } = this.form
    return html`<form class="bot-form" aria-label=${title ?? label} novalidate @submit=${this.#submit}>
      ${title === undefined ? nothing : html`<h4>${title}</h4>`}
      ${fields.map(field => this.#field(field))}
      ${this.fault === undefined ? nothing : html`<p class="failure" role="alert">${this.fault}</p>`}
      <button class="button small primary" ?disabled=${this.busy}>${submit ?? 'Send'}</button>
    </form>`
  }

  #field(field: Field) {
    const { name, label = name, description, required = false } = field
    return html`<label class=${field.kind === 'boolean' ? 'tick' : ''}>
      <span>${label}${required ? nothing : html`<small> (optional)</small>`}</span>
      ${this.#input(field, required)}
      ${description === undefined ? nothing : html`<small>${description}</small>`}
    </label>`
  }

  #input(field: Field, required: boolean) {
    const { name } = field
    switch (field.kind) {
      case 'text':
        return field.multiline
          ? html`<textarea name=${name} rows="3" maxlength=${field.maxChars ?? nothing} ?required=${required}></textarea>`
          : html`<input name=${name} maxlength=${field.maxChars ?? nothing} ?required=${required} autocomplete="off">`
      case 'number':
        return html`<input type="number" name=${name} min=${field.min ?? nothing} max=${field.max ?? nothing} step=${field.whole ? 1 : 'any'} ?required=${required}>`
      case 'boolean':
        return html`<input type="checkbox" name=${name}>`
      case 'choice':
        return this.#select(name, field.choices)
      case 'user':
        return this.#select(
          name,
          this.members.map(({ user }) => ({ value: user.id, label: user.name })),
        )
      case 'date':
        return html`<input type="date" name=${name} ?required=${required}>`
      case 'time':
        return html`<input type="datetime-local" name=${name} ?required=${required}>`
    }
  }

  #select(name: string, choices: readonly { value: string; label?: string | undefined }[]) {
    return html`<select name=${name}>
      <option value=""></option>
      ${choices.map(({ value, label }) => html`<option value=${value}>${label ?? value}</option>`)}
    </select>`
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault()
    const { fields } = this.form
    const filled = new FormData(event.target as HTMLFormElement)
    const values: FieldValues = Object.fromEntries(
      fields.flatMap(field => {
        const value = valueFrom(field, filled.get(field.name))
        return value === undefined ? [] : [[field.name, value]]
      }),
    )
    const labelOf = (name: string) => fields.find(field => field.name === name)?.label ?? name
    const faults = faultsOf(fields, values)
    this.fault =
      faults.length > 0
        ? `${faults.map(({ path, message }) => `${labelOf(path)} ${message}`).join('; ')}.`
        : undefined
    if (faults.length === 0) this.dispatchEvent(new CustomEvent('values', { detail: values }))
  }
}

customElements.define('tl-bot-form', BotForm)
