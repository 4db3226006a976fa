//! The route of one lead.
