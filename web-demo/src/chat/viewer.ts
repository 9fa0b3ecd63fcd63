import type { Room } from '@trunkline/sdk'
import { html, render } from 'lit'
import { icon } from '../design/icons.ts'

/** Shows a picture over everything, beginning with its thumbnail, until it is closed. */
export const openPicture = async (
  beside: Element,
  { room, fileId, name, preview }: { room: Room; fileId: string; name: string; preview: string | undefined },
): Promise<void> => {
  const dialog = document.createElement('dialog')
  dialog.className = 'viewer'
  dialog.ariaLabel = name
  let full: string | undefined
  const draw = () =>
    render(
      html`<header>
          <p>${name}</p>
          <button class="icon-button" aria-label="Close" @click=${() => dialog.close()}>${icon('close')}</button>
        </header>
        <img src=${full ?? preview ?? ''} alt=${name} ?hidden=${!full && !preview} />`,
      dialog,
    )
  dialog.addEventListener('click', event => {
    if (event.target === dialog) dialog.close()
  })
  dialog.addEventListener('close', () => {
    if (full) URL.revokeObjectURL(full)
    dialog.remove()
  })
  draw()
  beside.append(dialog)
  dialog.showModal()
  try {
    full = URL.createObjectURL(await room.downloadFile(fileId))
    if (dialog.isConnected) draw()
    else URL.revokeObjectURL(full)
  } catch {
    // The thumbnail stays.
  }
}
