import { html, render } from 'lit'

type Question = { title: string; text: string; action: string; dangerous?: boolean }

/** Asks before something that cannot be taken back. Escape and "Cancel" are a no; the focus goes back to where it was. */
export const confirm = (beside: Element, { title, text, action, dangerous }: Question): Promise<boolean> => {
  const dialog = document.createElement('dialog')
  dialog.className = 'card question'
  dialog.ariaLabel = title
  render(
    html`<h2>${title}</h2>
      <p class="muted">${text}</p>
      <form method="dialog" class="answers">
        <button class="button" value="no">Cancel</button>
        <button class="button ${dangerous ? 'danger' : 'primary'}" value="yes" autofocus>${action}</button>
      </form>`,
    dialog,
  )
  beside.append(dialog)
  dialog.showModal()
  return new Promise(resolve => {
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
  })
}
