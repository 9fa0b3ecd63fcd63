import { render, type TemplateResult } from 'lit'
import { dialogCard } from '../messenger/dialog.ts'

/** Shows a dialog until it is closed; `body` is given the way to close it. */
export const openDialog = (
  beside: Element,
  title: string,
  body: (close: () => void) => TemplateResult,
): HTMLDialogElement => {
  const host = document.createElement('div')
  host.className = 'dialog-host'
  let dialog: HTMLDialogElement | null = null
  const close = () => dialog?.close()
  const card = dialogCard({ title, body: body(close), closed: () => host.remove() })
  render(card, host)
  beside.append(host)
  dialog = host.querySelector('dialog')
  if (!dialog) throw new Error('The frame of a dialog has a dialog')
  dialog.showModal()
  return dialog
}
