import Bytes
package import Settings

extension TokenSettings.FieldEncoding {
    /// The text as the value of a field. No two texts are written alike.
    package func encoded(_ text: String) -> String {
        switch self {
        case .utf8: text
        case .rfc8187: Self.isPlain(text) ? text : Self.extendedValue(text)
        case .base64: String(decoding: Base64.encode(text.utf8.span), as: UTF8.self)
        }
    }

    /// Every app reads such a text as it is, and none takes it for an encoded one, whose charset
    /// ends in an apostrophe. A comma would make a list of it.
    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy {
            ($0 == ASCII.space || ASCII.isVisible($0)) && $0 != UInt8(ascii: "'")
                && $0 != UInt8(ascii: ",")
        }
    }

    /// `ext-value` (RFC 8187 §3.2.1), without a language.
    private static func extendedValue(_ text: String) -> String {
        var value = Array("UTF-8''".utf8)
        for octet in text.utf8 {
            if isAttributeCharacter(octet) {
                value.append(octet)
            } else {
                value.append(UInt8(ascii: "%"))
                value.append(hexDigits[Int(octet >> 4)])
                value.append(hexDigits[Int(octet & 0xF)])
            }
        }
        return String(decoding: value, as: UTF8.self)
    }

    private static let hexDigits = Array("0123456789ABCDEF".utf8)

    /// `attr-char`: a token without `*`, `'` and `%`.
    private static func isAttributeCharacter(_ octet: UInt8) -> Bool {
        ASCII.isToken(octet) && octet != UInt8(ascii: "*") && octet != UInt8(ascii: "'")
            && octet != UInt8(ascii: "%")
    }
}
