//! Who is asking, and what they may see.
//!
//! A request comes in with evidence (a session cookie, a token, a password); [`identity`] turns it
//! into a [`Subject`](identity::Subject). The policy file says what roles may see;
//! [`policy`] turns a subject and a backend into a [`Permit`](policy::Permit), the only thing that
//! opens a backend. A permit cannot be made anywhere else: its fields are private and no
//! constructor is public.
//!
//! Both refuse what they do not understand.

pub mod document;
pub mod identity;
pub mod policy;
pub mod quantity;
