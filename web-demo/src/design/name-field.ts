import { LIMITS } from '@trunkline/sdk'
import { html } from 'lit'

type NameField = { id: string; value: string; required?: boolean; changed: (value: string) => void }

/** Where people write their own name. */
export const nameField = ({ id, value, required = false, changed }: NameField) => html`<div class="field">
  <label for=${id}>Your name</label>
  <input
    class="input"
    id=${id}
    name="name"
    autocomplete="name"
    maxlength=${LIMITS.userNameChars}
    ?required=${required}
    .value=${value}
    @input=${(event: Event) => changed((event.target as HTMLInputElement).value)}
  />
</div>`
