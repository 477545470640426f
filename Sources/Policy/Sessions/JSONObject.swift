/// Writes the flat JSON objects of this room (RFC 8259).
enum JSONObject {
    enum Value {
        case text(String)
        case number(Int)
    }

    /// The object as UTF-8, members in the order given, without whitespace.
    static func encode(_ members: [(name: String, value: Value)]) -> [UInt8] {
        var octets = [UInt8(ascii: "{")]
        for (index, (name, value)) in members.enumerated() {
            if index > 0 { octets.append(UInt8(ascii: ",")) }
            append(quoted: name, to: &octets)
            octets.append(UInt8(ascii: ":"))
            switch value {
            case .text(let text): append(quoted: text, to: &octets)
            case .number(let number): octets.append(contentsOf: String(number).utf8)
            }
        }
        octets.append(UInt8(ascii: "}"))
        return octets
    }

    /// §7: quotation mark, reverse solidus and U+0000 to U+001F have to be escaped.
    private static func append(quoted text: String, to octets: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        let escape = UInt8(ascii: "\\")
        octets.append(quote)
        for octet in text.utf8 {
            if octet < 0x20 {
                octets.append(contentsOf: "\\u00".utf8)
                octets.append(hexadecimal(octet >> 4))
                octets.append(hexadecimal(octet & 0xF))
            } else {
                if octet == quote || octet == escape { octets.append(escape) }
                octets.append(octet)
            }
        }
        octets.append(quote)
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 {
        digit < 10 ? 0x30 + digit : 0x61 + digit - 10
    }
}
