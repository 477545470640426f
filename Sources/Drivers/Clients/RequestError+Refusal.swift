package import Endings
internal import HTTP
package import HTTP1

extension RequestError {
    /// How a request ends that cannot be read to its end.
    package var refusal: Refusal {
        switch self {
        case .head(let error), .framing(let error, _): error.refusal
        case .body(let error):
            Refusal(.protocolError, status: error.status, message: error.message)
        case .bodyTooLarge: .bodyTooBig
        }
    }
}

extension HeadError {
    /// How a request with such a head ends.
    package var refusal: Refusal {
        let reason: EndReason =
            switch status {
            case 413, 414, 431: .tooBig
            case 408: .timeout
            default: .protocolError
            }
        return Refusal(reason, status: status, message: message)
    }
}

extension Refusal {
    fileprivate static let bodyTooBig = Refusal(.tooBig, message: "The request body is too large")
}
