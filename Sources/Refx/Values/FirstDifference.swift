/// The first place where `a` and `b` differ; the shorter one's count where none is. Eight bytes are looked at
/// together: names of one file have long beginnings in common, and equal tensors are equal throughout.
func firstDifference(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
  let count = min(a.count, b.count)
  var place = 0
  while place + 8 <= count,
    a.loadUnaligned(fromByteOffset: place, as: UInt64.self)
      == b.loadUnaligned(fromByteOffset: place, as: UInt64.self)
  {
    place += 8
  }
  while place < count, a[place] == b[place] { place += 1 }
  return place
}
