"""The pages of the app. Streamlit is used here and in `chessgru.board` alone."""
