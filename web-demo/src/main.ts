import './pages/app.ts'
