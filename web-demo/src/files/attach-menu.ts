import { hasMediaDevices } from '@trunkline/sdk'
import { openMenu } from '../chat/menu.ts'
import { takePhoto } from './camera.ts'

/** Opens the ways to a file: from this machine, or from its camera; `chosen` gets what was taken. */
export const openAttachMenu = (anchor: HTMLElement, chosen: (files: File[]) => void): void => {
  const beside = anchor.closest('tl-conversation') ?? anchor
  openMenu(anchor, {
    label: 'Attach',
    items: [
      [
        { word: 'Photos and videos', icon: 'picture', act: () => browse(beside, 'image/*,video/*', chosen) },
        { word: 'Any file', icon: 'file', act: () => browse(beside, '', chosen) },
        {
          word: 'Take a photo',
          icon: 'photo',
          disabled: !hasMediaDevices(),
          act: () => takePhoto(beside, photo => chosen([photo])),
        },
      ],
    ],
  })
}

/** Within the page while it is asked: some phones forget one that is not. */
const browse = (beside: Element, accept: string, chosen: (files: File[]) => void): void => {
  const input = document.createElement('input')
  Object.assign(input, { type: 'file', multiple: true, accept, hidden: true })
  input.addEventListener('cancel', () => input.remove())
  input.addEventListener('change', () => {
    input.remove()
    chosen([...(input.files ?? [])])
  })
  beside.append(input)
  input.click()
}
