// A field is its Ref and nothing besides. A synthesized `init(from:)` does not run the property's initializer,
// so the collection that it names is lost there: it comes from the file, with the Ref.

extension RefField: Encodable where Value: Encodable {
  public func encode(to encoder: any Encoder) throws { try projectedValue.encode(to: encoder) }
}

extension RefField: Decodable where Value: Decodable {
  public init(from decoder: any Decoder) throws { self.init(projectedValue: try Ref(from: decoder)) }
}
