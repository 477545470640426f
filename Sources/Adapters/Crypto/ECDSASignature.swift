import Bytes

/// The two numbers of an ECDSA signature, and the two ways to write them: one after the other
/// (RFC 7518 §3.4) and as a DER sequence of two integers (RFC 3279 §2.2.3), which OpenSSL takes.
/// Whether the numbers lie between 1 and the curve's order is OpenSSL's to check.
struct ECDSASignature {
    /// Both numbers, each with the same count of octets.
    let raw: [UInt8]

    /// `raw` holds two numbers of the same length.
    init(raw: Span<UInt8>) { self.raw = raw.array }

    /// Nil for what is not exactly a sequence of two positive integers of at most `length` octets.
    init?(der: Span<UInt8>, length: Int) {
        var reader = DERReader()
        guard reader.enter(Self.sequenceTag, der), reader.end == der.count,
            let r = reader.integer(der, length: length),
            let s = reader.integer(der, length: length), reader.index == der.count
        else { return nil }
        raw = r + s
    }

    /// The strict form: every length and every number in as few octets as it takes.
    var der: [UInt8] {
        let middle = raw.count / 2
        var content: [UInt8] = []
        content.reserveCapacity(raw.count + 8)
        Self.append(raw[..<middle], to: &content)
        Self.append(raw[middle...], to: &content)
        var der = [Self.sequenceTag]
        der.reserveCapacity(content.count + 3)
        if content.count > 127 { der.append(0x81) }
        der.append(UInt8(content.count))
        der += content
        return der
    }

    static let sequenceTag: UInt8 = 0x30
    static let integerTag: UInt8 = 0x02

    /// A number of at most 66 octets, so that its length is one octet.
    private static func append(_ number: ArraySlice<UInt8>, to der: inout [UInt8]) {
        let digits = number.drop { $0 == 0 }
        // A zero in front of what would be negative, and for zero itself.
        let isPadded = digits.first.map { $0 > 127 } ?? true
        der.append(integerTag)
        der.append(UInt8(digits.count + (isPadded ? 1 : 0)))
        if isPadded { der.append(0) }
        der += digits
    }
}

/// Reads what OpenSSL has just written: short and one-octet long lengths.
private struct DERReader {
    var index = 0
    var end = 0

    /// Reads a tag and a length; afterwards `index` is at the content and `end` behind it.
    mutating func enter(_ tag: UInt8, _ der: Span<UInt8>) -> Bool {
        guard index + 1 < der.count, der[index] == tag else { return false }
        var length = Int(der[index + 1])
        index += 2
        if length == 0x81, index < der.count {
            length = Int(der[index])
            index += 1
        } else if length > 127 {
            return false
        }
        end = index + length
        return end <= der.count
    }

    /// A positive integer, with zeros in front up to `length` octets.
    mutating func integer(_ der: Span<UInt8>, length: Int) -> [UInt8]? {
        guard enter(ECDSASignature.integerTag, der), index < end, der[index] < 128 else {
            return nil
        }
        if der[index] == 0 { index += 1 }
        let digits = der.extracting(index..<end)
        guard digits.count <= length else { return nil }
        index = end
        var number = [UInt8](repeating: 0, count: length - digits.count)
        number.append(copying: digits)
        return number
    }
}
