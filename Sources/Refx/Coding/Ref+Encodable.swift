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
    let piece = try session.piece(ofRef: self, at: place) {
      let inside = Value.self is AnyRef.Type ? place.appending("0") : place
      do {
        return try session.piece(of: get(), at: inside)
      } catch let error as RefxError {
        throw error.atPath(place.path)
      }
    }
    if !session.looksIntoRefs, case .object(let object) = piece, object.live == nil {
      guard let live else { throw RefxError.refNotEncodable(Ref.self, path: place.path) }
      object.live = live
    }
    return piece
  }

  /// This Ref with the access that fits its type; nil where the type can be written but not read.
  private var live: LiveRef? {
    if let text = self as? Ref<String> { return LiveRef(text, access: StringAccess.self) }
    if let fixed = self as? Ref<StaticValue> { return LiveRef(fixed, access: StaticAccess.self) }
    if let type = Value.self as? any TensorRepresentable.Type { return tensorRef(self, type) }
    if let type = Value.self as? any Codable.Type { return codableRef(self, type) }
    return nil
  }
}

private func tensorRef<V: TensorRepresentable>(_ ref: AnyRef, _ type: V.Type) -> LiveRef? {
  (ref as? Ref<V>).map { LiveRef($0, access: TensorAccess<V>.self) }
}

private func codableRef<V: Codable>(_ ref: AnyRef, _ type: V.Type) -> LiveRef? {
  (ref as? Ref<V>).map { LiveRef($0, access: CodableAccess<V>.self) }
}
