import Bytes

/// The extensions one side names in `Sec-WebSocket-Extensions`, in order (RFC 6455 §9.1):
///
///     list      = 1#( token *( ";" parameter ) )
///     parameter = token [ "=" ( token | quoted-string ) ]
///
/// The grammar is that of RFC 2616: space and tab may stand between any two elements of it, list
/// elements may be empty (RFC 9110 §5.6.1.2), also all of them, which offers nothing; and a quoted
/// string must hold a token.
package struct ExtensionList: Sendable, Equatable {
    package struct Parameter: Sendable, Equatable {
        package var name: String
        package var value: String?

        package init(name: String, value: String? = nil) {
            self.name = name
            self.value = value
        }
    }

    package struct Element: Sendable, Equatable {
        package var name: String
        package var parameters: [Parameter]

        package init(name: String, parameters: [Parameter] = []) {
            self.name = name
            self.parameters = parameters
        }
    }

    /// More than any client offers; beyond, the header is refused.
    package static let elementLimit = 32
    package static let parameterLimit = 16

    package private(set) var elements: [Element] = []

    package init() {}

    /// Reads the value of one line of the field; several lines make one list.
    package mutating func read(_ value: Span<UInt8>) throws(HandshakeError) {
        var index = 0
        repeat {
            Self.skipSpace(value, at: &index)
            guard index < value.count, value[index] != comma else { continue }
            let element = try Self.element(value, at: &index)
            guard index == value.count || value[index] == comma else {
                throw .malformedExtensions
            }
            guard elements.count < Self.elementLimit else { throw .tooManyExtensions }
            elements.append(element)
        } while Self.skip(comma, value, at: &index)
    }

    private static func element(
        _ value: Span<UInt8>, at index: inout Int
    ) throws(HandshakeError) -> Element {
        var element = Element(name: try token(value, at: &index))
        while skip(semicolon, value, at: &index) {
            guard element.parameters.count < parameterLimit else { throw .tooManyExtensions }
            var parameter = Parameter(name: try token(value, at: &index))
            if skip(equals, value, at: &index) {
                parameter.value = try tokenOrQuoted(value, at: &index)
            }
            element.parameters.append(parameter)
        }
        return element
    }

    /// A token with the space around it.
    private static func token(
        _ value: Span<UInt8>, at index: inout Int
    ) throws(HandshakeError) -> String {
        skipSpace(value, at: &index)
        let start = index
        while index < value.count, ASCII.isToken(value[index]) { index += 1 }
        guard index > start else { throw .malformedExtensions }
        let token = value.extracting(start..<index).text
        skipSpace(value, at: &index)
        return token
    }

    private static func tokenOrQuoted(
        _ value: Span<UInt8>, at index: inout Int
    ) throws(HandshakeError) -> String {
        skipSpace(value, at: &index)
        guard skip(quote, value, at: &index) else { return try token(value, at: &index) }
        var unquoted: [UInt8] = []
        while index < value.count, value[index] != quote {
            if value[index] == backslash { index += 1 }
            guard index < value.count, ASCII.isToken(value[index]) else {
                throw .malformedExtensions
            }
            unquoted.append(value[index])
            index += 1
        }
        guard skip(quote, value, at: &index), !unquoted.isEmpty else {
            throw .malformedExtensions
        }
        skipSpace(value, at: &index)
        return String(decoding: unquoted, as: UTF8.self)
    }

    private static func skip(_ octet: UInt8, _ value: Span<UInt8>, at index: inout Int) -> Bool {
        guard index < value.count, value[index] == octet else { return false }
        index += 1
        return true
    }

    private static func skipSpace(_ value: Span<UInt8>, at index: inout Int) {
        while index < value.count, value[index] == ASCII.space || value[index] == ASCII.tab {
            index += 1
        }
    }
}

private let comma = UInt8(ascii: ",")
private let semicolon = UInt8(ascii: ";")
private let equals = UInt8(ascii: "=")
private let quote = UInt8(ascii: "\"")
private let backslash = UInt8(ascii: "\\")
