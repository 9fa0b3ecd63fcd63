import AxeBuilder from '@axe-core/playwright'
import type { Visitor } from './browser.ts'

/** Serious and critical faults of accessibility, as sentences. */
export const faults = async ({ page }: Visitor): Promise<string[]> => {
  // Drawn as it is now: of colours on their way axe would see a mixture.
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map(node => node.target.join(' ')).join(', ')})`)
}
