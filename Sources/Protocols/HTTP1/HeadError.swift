/// What is wrong with a head. After it the connection cannot be used any more: where the next
/// message would begin is unknown (RFC 9112 §11.2).
package enum HeadError: Error, Sendable, Hashable, CaseIterable {
    case malformedStartLine
    case malformedField
    case illegalTarget
    case targetTooLong
    case headTooLarge
    case tooManyFields
    case methodTooLong
    case unsupportedVersion
    case missingHost
    case repeatedHost
    case illegalHost
    case conflictingFraming
    case illegalContentLength
    case unsupportedTransferCoding

    /// The status that answers a request. A head of an *upstream* with any of these is always 502.
    package var status: Int {
        switch self {
        case .malformedStartLine, .malformedField, .illegalTarget, .missingHost, .repeatedHost,
            .illegalHost, .conflictingFraming, .illegalContentLength:
            400
        case .targetTooLong: 414
        case .headTooLarge, .tooManyFields: 431
        case .methodTooLong, .unsupportedTransferCoding: 501
        case .unsupportedVersion: 505
        }
    }

    /// One sentence for people; never anything of what was received.
    package var message: String {
        switch self {
        case .malformedStartLine: "The first line of the message is malformed."
        case .malformedField: "A field line of the message is malformed."
        case .illegalTarget: "The request target is malformed."
        case .targetTooLong: "The request target is too long."
        case .headTooLarge: "The head of the message is too large."
        case .tooManyFields: "The message has too many field lines."
        case .methodTooLong: "The request method is not known."
        case .unsupportedVersion: "The HTTP version is not supported."
        case .missingHost: "The request names no host."
        case .repeatedHost: "The request names more than one host."
        case .illegalHost: "The host of the request is malformed."
        case .conflictingFraming: "The length of the body is given in more than one way."
        case .illegalContentLength: "The length of the body is malformed."
        case .unsupportedTransferCoding: "The transfer coding is not supported."
        }
    }
}
