extension RefxError {
  /// What is wrong with a compressed chunk.
  package enum ChunkFault: Hashable, Sendable {
    /// The stream is none, or its checksum is another.
    case damaged
    /// It holds more bytes than the chunk has.
    case longer
    /// It holds fewer: so many.
    case shorter(Int)
    /// So many bytes stand behind its end.
    case followed(by: Int)
  }
}
