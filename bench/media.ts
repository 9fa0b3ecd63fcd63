/**
 * What files cost: pictures made small, beside ImageMagick.
 *
 *     npm run bench media [seconds per measurement, 5 by default]
 */
import { measurePictures } from './media/pictures.ts'

await measurePictures(Number(process.argv[2] ?? 5))
