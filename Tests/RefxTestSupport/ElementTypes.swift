import Refx

/// The Swift types of elements, one for each dtype but text.
public enum ElementTypes {
  public typealias Element = TensorElement & TensorRepresentable & Codable

  public static let all: [any Element.Type] = [
    Bool.self, Int8.self, Int16.self, Int32.self, Int64.self, UInt8.self, UInt16.self, UInt32.self,
    UInt64.self,
    Float16.self, BFloat16.self, Float.self, Double.self, Complex<Float>.self, Complex<Double>.self,
    Float8E4M3FN.self, Float8E5M2.self, Int4.self, UInt4.self,
  ]
}
