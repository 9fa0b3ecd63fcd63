/** A PDF of these objects, numbered from 1, the first of which is its catalogue. */
export const pdf = (objects: readonly string[], trailer = ''): Buffer => {
  let text = '%PDF-1.7\n'
  const offsets = objects.map((object, index) => {
    const offset = text.length
    text += `${index + 1} 0 obj\n${object}\nendobj\n`
    return `${String(offset).padStart(10, '0')} 00000 n \n`
  })
  const table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join('')}`
  const end = `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R ${trailer} >>\nstartxref\n${text.length}\n%%EOF\n`
  return Buffer.from(text + table + end, 'latin1')
}

/** A document whose pages are red on the left, with some text on it. */
export const document = (
  options: { pages?: number; catalog?: string; page?: string; trailer?: string; size?: string } = {},
): Buffer => {
  const { pages = 1, catalog = '', page = '', trailer = '', size = '600 800' } = options
  const content = '1 0 0 rg 0 0 330 800 re f 0 g BT /F1 48 Tf 100 600 Td (Trunkline) Tj ET'
  const font = '<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>'
  return pdf(
    [
      `<< /Type /Catalog /Pages 2 0 R ${catalog} >>`,
      `<< /Type /Pages /Count ${pages} /Kids [${'3 0 R '.repeat(pages)}] >>`,
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${size}] /Contents 4 0 R /Resources ${font} ${page} >>`,
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    ],
    trailer,
  )
}

/** One that asks for a password before it shows anything. */
export const lockedDocument = (): Buffer => {
  const key = `<${'ab'.repeat(32)}>`
  return document({
    trailer: `/ID [${key} ${key}] /Encrypt << /Filter /Standard /V 1 /R 2 /O ${key} /U ${key} /P -4 >>`,
  })
}

/** A form that somebody filled in: a field with a blue square in it. */
export const filledForm = (): Buffer => {
  const square = '0 0 1 rg 0 0 200 200 re f'
  return pdf([
    '<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] >> >>',
    '<< /Type /Pages /Count 1 /Kids [3 0 R] >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Annots [4 0 R] >>',
    '<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (x) /F 4 /Rect [100 100 300 300] /P 3 0 R /AP << /N 5 0 R >> >>',
    `<< /Type /XObject /Subtype /Form /BBox [0 0 200 200] /Length ${square.length} >>\nstream\n${square}\nendstream`,
  ])
}
