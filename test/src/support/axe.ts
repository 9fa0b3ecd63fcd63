import AxeBuilder from '@axe-core/playwright'
import type { Visitor } from './browser.ts'

/** Serious and critical faults of accessibility, as sentences. */
export const faults = async ({ page }: Visitor): Promise<string[]> => {
  // Drawn as it is now: of colours on their way axe would see a mixture.
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))
  // In the page itself, and without a list of all that is right: else axe opens another window each time, to put together
  // what it found in frames, of which our pages have none.
  const builder = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] })
  const { violations } = await builder.analyze()
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map(node => node.target.join(' ')).join(', ')})`)
}
