/// What is wrong with a compressed chunk.
package enum ChunkFault: Hashable, Sendable {
  case damaged, longer
  case shorter(Int)
  case followed(by: Int)
}
