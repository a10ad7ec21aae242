/// With a ``TreeEncoder`` a Ref keeps its identity. Any other encoder sees its value alone, at each site.
extension Ref: Encodable where Value: Encodable {
  public func encode(to encoder: any Encoder) throws {
    if let node = encoder as? NodeEncoder {
      try node.put(try piece(in: node.session, at: node.place))
    } else {
      var container = encoder.singleValueContainer()
      try container.encode(value)
    }
  }
}

extension Ref: RefEncodable where Value: Encodable {
  func piece(in session: EncodingSession, at place: Place) throws -> Piece {
    try session.piece(of: self, isRef: true, collection: collection, at: place) {
      let inside = Value.self is AnyRef.Type ? place.appending("0") : place
      do {
        return try session.piece(of: get(), at: inside)
      } catch let error as RefxError {
        throw error.atPath(place.path)
      }
    }
  }
}
