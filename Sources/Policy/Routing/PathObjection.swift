package import Endings

/// Why a path is not routed although there is a route for it: the app may read it as another one.
package enum PathObjection: Sendable, Hashable {
    /// `%2F` or `%5C`, and no route that says `encoded_slashes keep`.
    case escapedSlash
    /// A reading of it leads to another route, or to other captures that decide.
    case ambiguous
    /// Dot segments, which a spelling that is kept must not hold.
    case dotSegments
    /// The app would see two slashes in front, which some read as a host.
    case leadingSlashes
    /// `parameters refuse`.
    case parameters
    /// A rewrite made no path of it.
    case rewritten

    package var refusal: Refusal {
        let (detail, message) =
            switch self {
            case .escapedSlash:
                ("encoded_slash", "The path of the request target contains an escaped slash.")
            case .ambiguous:
                ("ambiguous_path", "The path of the request target can be read in two ways.")
            case .dotSegments:
                ("dot_segments", "The path of the request target contains dot segments.")
            case .leadingSlashes:
                ("leading_slashes", "The path of the request target begins with two slashes.")
            case .parameters:
                ("path_parameters", "The path of the request target contains parameters.")
            case .rewritten:
                ("rewrite", "The path of the request target matches no route.")
            }
        return Refusal(.protocolError, status: 400, detail: detail, message: message)
    }
}
