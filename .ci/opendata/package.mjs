// Reads an exported folder as a Data Package, with the package's own library: the
// description is valid, every row has the types that it says, keys that refer to
// other tables are in them, and the sizes are right.
// usage: node package.mjs FOLDER
import datapackage from 'datapackage'
import fs from 'node:fs'
import path from 'node:path'

const folder = process.argv[2]
const p = await datapackage.Package.load(path.join(folder, 'datapackage.json'), { basePath: folder })
const failures = p.valid ? [] : p.errors.map(String)
let rows = 0
for (const r of p.resources) {
  const size = fs.statSync(path.join(folder, r.descriptor.path)).size
  if (size !== r.descriptor.bytes) failures.push(`${r.name} has ${size} bytes, not ${r.descriptor.bytes}`)
  if (r.descriptor.profile !== 'tabular-data-resource') continue
  try {
    const read = await r.read({ keyed: true, relations: true })
    rows += read.length
    if (read.length !== r.descriptor.rows) failures.push(`${r.name} has ${read.length} rows, not ${r.descriptor.rows}`)
  } catch (e) {
    failures.push(`${r.name}: ${e.message} ${(e.errors ?? []).slice(0, 3).map((x) => x.message).join('; ')}`)
  }
}
if (p.resources.length !== 20) failures.push(`${p.resources.length} resources`)
for (const f of failures) console.error(f)
console.log(`${p.resources.length} resources, ${rows} rows, ${failures.length} failures`)
process.exit(failures.length ? 1 : 0)
