/// What a column or a parameter holds. There are no fractions: nothing here needs them.
package enum SQLValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    package init(_ integer: Int64?) { self = integer.map(SQLValue.integer) ?? .null }
    package init(_ text: String?) { self = text.map(SQLValue.text) ?? .null }
    package init(_ octets: [UInt8]?) { self = octets.map(SQLValue.blob) ?? .null }
}
