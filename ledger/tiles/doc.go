// Package tiles keeps a log of entries on disk, as the tiles and entry bundles
// of c2sp.org/tlog-tiles, beside the stream that decides their order.
//
// The invariant: what a [Log] shows is on disk. Size, root and checkpoint move
// together, only forwards, and only after one disk sync has made the new
// entries and the checkpoint over them durable. A crash at any moment loses
// nothing that was shown.
//
// # The folder
//
//	checkpoint              the newest checkpoint, a moment late
//	witnessed               the newest checkpoint that witnesses have cosigned, if any are asked
//	tail                    the entries since the last cut, and the newest checkpoint
//	tile/entries/x001/234   256 entries, each behind its length as a big-endian uint16
//	tile/0/x001/234         the 256 leaf hashes of that bundle, 8,192 bytes
//	tile/1/004              the roots of 256 tiles of level 0, and so on upwards
//
// Only full tiles and bundles are files, and a file never changes once it has
// its name. Partial ones are served from memory, where [Log.Resource] finds
// them under their usual paths. The hashes are those of RFC 6962, numbered as
// in [golang.org/x/mod/sumdb/tlog], whose proofs a Log feeds as a
// [tlog.HashReader].
//
// # The tail
//
// [Log.Append] adds one frame to the file tail:
//
//	magic       4 bytes, F5 'S' 'P' 'T'; F5 occurs in no UTF-8 text
//	length      uint32, bytes of the payload
//	checksum    uint32, CRC-32C of the payload
//	payload     first    uint64, index of the first entry
//	            count    uint32, number of entries
//	            entries  each a uint16 length and its bytes
//	            the checkpoint, to the end; empty while there is none
//
// All numbers are big-endian. The first frame comes into being with the file,
// by a rename, and starts at a multiple of 256, even when it holds no entry;
// each frame begins where the one before it ends. The last frame may be torn
// by a crash, and [Open] cuts it off: either nobody was told of it, or the
// stream still has it. A bad frame with a good one behind it cannot come from
// a crash. It is damage, reported as a [DamagedError], and nothing is cut.
//
// # Off the commit path
//
// A background writer turns full bundles and tiles into files, a round at a
// time: write all, sync all, rename all, sync the directories. When that has
// made some mebibytes of the tail superfluous, it writes a short new tail and
// puts it in the place of the old one. Whatever is not in a file yet stays in
// memory, so readers never wait for it. When it fails, on a full disk say,
// [Log.Err] tells and it tries again.
//
// # What is checked
//
// A tile read from a file must have the root that the tile above it says, up
// to the right edge, which [Open] rebuilds from the files and the tail. A tile
// whose file is missing is computed from what lies below it. What is left is
// to compare [Log.Root] with [Log.Checkpoint], which this package
// carries but does not read; the caller, who knows the key, does that.
//
// # Logs of others
//
// A [Source] is where a log's files are: its public addresses, a folder of plain
// files, or a Log. What it gives is not trusted. [NewTree] reads it for a size and
// root that a checkpoint names, which the caller has verified, and gives nothing
// that it has not checked against that root:
//
//	source, err := tiles.OpenSource(ctx, "https://spredning.example")
//	published, err := ledger.ReadPublished(source, logKey)
//	err = ledger.Replay(published.Tree, 0, published.Size, apply)
//
// A [Mirror] keeps what was read like this as plain files, and [Shown] answers
// readers from them as they grow.
package tiles
