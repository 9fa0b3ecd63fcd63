import { describeSfu } from './testing/behaviour.ts'
import { startLinkedSfu } from './testing/start.ts'

describeSfu('an SFU in this process', async local => local)

describeSfu('an SFU across a link', async local => (await startLinkedSfu(local)).connect())
